/**
 * Runs one of the project's TypeScript files on Node 24, installing first where needed:
 * `node setup/node24.mjs FILE ARGS...`. Plain JavaScript for any Node from 20 on.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { constants } from 'node:os';
import { ensureInstalled } from './install.mjs';
import { NODE_ENVIRONMENT, NODE_FLAGS } from './node-flags.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The first release with all that is used: node:sqlite without a flag, type stripping, argon2 in node:crypto. */
const OLDEST = [24, 7];

/** A server drains within 10 seconds of SIGTERM; one that is still there then hangs in its exit. */
const KILL_AFTER_MS = 15_000;

const SHELL_POLL_MS = 500;

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'];

/**
 * Runs a file of the project with the arguments; this process ends as that one does.
 * @param {string} file relative to the project's folder
 * @param {readonly string[]} args
 */
export function runOnNode24(file, args) {
  let node;
  try {
    ensureInstalled(root);
    node = findNode();
  } catch (error) {
    process.stderr.write(`eider: ${error.message}\n`);
    process.exit(1);
  }
  const command = [...NODE_FLAGS, join(root, file), ...args];
  // Compiled code is kept beside the packages: a second start reads it instead of compiling.
  const cache = join(root, 'node_modules', '.cache', 'eider');
  const env = { ...NODE_ENVIRONMENT, NODE_COMPILE_CACHE: cache, ...process.env };
  // The channel tells the server when this process is gone: it drains then instead of staying behind.
  passThrough(spawn(node, command, { stdio: ['inherit', 'inherit', 'inherit', 'ipc'], env }));
}

function passThrough(child) {
  let killer;
  const forward = (signal) => {
    child.kill(signal);
    if (signal === 'SIGTERM' || signal === 'SIGINT') killer ??= setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS);
  };
  for (const signal of FORWARDED) {
    // Some of them do not exist on every system.
    if (signal in constants.signals) process.on(signal, forward);
  }
  // npm runs scripts in a shell, which dies of a signal without passing it on.
  if (process.env['npm_lifecycle_event'] !== undefined) {
    const shell = process.ppid;
    setInterval(() => process.ppid === shell || forward('SIGTERM'), SHELL_POLL_MS).unref();
  }
  child.on('error', (error) => {
    process.stderr.write(`eider: Node 24 could not be started: ${error.message}\n`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    clearTimeout(killer);
    if (signal === null) process.exit(code ?? 1);
    for (const forwarded of FORWARDED) process.removeAllListeners(forwarded);
    process.kill(process.pid, signal);
  });
}

/** The binary that came with the packages, else the running one where it is new enough. */
function findNode() {
  const packaged = packagedNode();
  if (packaged !== undefined) return packaged;
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return process.execPath;
  throw new Error(
    `Node ${OLDEST.join('.')} or newer is needed; this is ${process.versions.node}, and npm has no Node 24 for ` +
      `${process.platform}-${process.arch}. Install Node 24 from https://nodejs.org/ and run the command again.`,
  );
}

function packagedNode() {
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  let folder;
  try {
    folder = dirname(createRequire(import.meta.url).resolve(`node-${platform}-${process.arch}/package.json`));
  } catch {
    return undefined;
  }
  const binary = join(folder, 'bin', platform === 'win' ? 'node.exe' : 'node');
  if (!existsSync(binary)) return undefined;
  // It is built for glibc: a system with another C library (Alpine's musl) cannot run it.
  if (platform === 'linux' && !hasGlibc()) return spawnSync(binary, ['--version']).status === 0 ? binary : undefined;
  return binary;
}

function hasGlibc() {
  process.report.excludeNetwork = true;
  return process.report.getReport().header.glibcVersionRuntime !== undefined;
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [file, ...args] = process.argv.slice(2);
  if (file === undefined) {
    process.stderr.write('usage: node setup/node24.mjs FILE [ARGS...]\n');
    process.exit(64);
  }
  runOnNode24(resolve(root, file).slice(root.length + 1), args);
}
