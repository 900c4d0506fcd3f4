/**
 * Installs what package-lock.json names, where that has not been done. Plain JavaScript that any Node from 20 on
 * runs, for it runs before anything is installed.
 */
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A holder that has not finished by then hangs, whatever its process id says. */
const LOCK_STALE_MS = 15 * 60_000;
const POLL_MS = 200;

/**
 * Makes node_modules agree with package-lock.json: at once where a stamp says so, by `npm ci` where it does not.
 * Concurrent starts wait for the one that installs.
 * @param {string} root the project's folder
 * @throws {Error} with a sentence for the user where npm is missing or fails
 */
export function ensureInstalled(root) {
  const lockFile = join(root, 'package-lock.json');
  // An installed copy of the package carries no lock file: whoever installed it installed its dependencies.
  if (!existsSync(lockFile)) return;
  if (isInstalled(root, lockFile)) return;
  const release = takeLock(join(root, '.cache'));
  try {
    if (isInstalled(root, lockFile)) return;
    runNpm(root);
    writeStamp(root, lockFile);
  } finally {
    release();
  }
}

function stampFile(root) {
  return join(root, 'node_modules', '.eider-installed');
}

function hashOf(file) {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

function isInstalled(root, lockFile) {
  const stamp = readText(stampFile(root));
  if (stamp !== undefined && stamp.trim() === hashOf(lockFile)) return true;
  if (!agrees(lockFile, join(root, 'node_modules', '.package-lock.json'))) return false;
  writeStamp(root, lockFile);
  return true;
}

function writeStamp(root, lockFile) {
  try {
    writeFileSync(stampFile(root), `${hashOf(lockFile)}\n`);
  } catch {
    // A read-only installation: the next start compares the lock files again, which is slower and as right.
  }
}

/**
 * Whether npm's own record of what lies in node_modules has every package of the lock file at its version. npm leaves
 * optional ones out for reasons of its own (system, processor, C library).
 */
function agrees(lockFile, installedFile) {
  const installed = readText(installedFile);
  if (installed === undefined) return false;
  try {
    const wanted = Object.entries(JSON.parse(readFileSync(lockFile, 'utf8')).packages);
    const present = JSON.parse(installed).packages;
    return wanted.every(([path, entry]) => {
      if (path === '') return true;
      const found = present[path];
      return found === undefined ? entry.optional === true : found.version === entry.version;
    });
  } catch {
    return false;
  }
}

function readText(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function runNpm(root) {
  process.stderr.write('eider: installing packages from package-lock.json (once; some 20 s) ...\n');
  // No package needs its install script: the one native addon in the tree (for DTrace) is optional and not used.
  const args = [
    'ci',
    '--ignore-scripts',
    '--include=dev',
    '--include=optional',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ];
  const npm = process.env['npm_execpath'];
  const viaNode = npm !== undefined && basename(npm) === 'npm-cli.js' && existsSync(npm);
  const result = spawnSync(viaNode ? process.execPath : 'npm', viaNode ? [npm, ...args] : args, {
    cwd: root,
    // Output of npm is never output of the command: that may be JSON for a program.
    stdio: ['ignore', 2, 2],
    shell: !viaNode && process.platform === 'win32',
  });
  if (result.error !== undefined) {
    throw new Error(`npm could not be started (${result.error.message}); install npm, or run "npm ci" in ${root}`);
  }
  if (result.status !== 0) throw new Error(`"npm ${args.join(' ')}" failed in ${root}; what it said stands above`);
}

/**
 * One installer at a time. The lock is a file that appears with its holder's process id inside (a hard link), so
 * that nobody ever reads half of it; one whose holder is dead is taken away.
 */
function takeLock(folder) {
  mkdirSync(folder, { recursive: true });
  const lock = join(folder, 'install.lock');
  const own = join(folder, `install.${process.pid}.${randomBytes(4).toString('hex')}`);
  writeFileSync(own, String(process.pid));
  try {
    while (!tryLink(own, lock)) {
      if (isStale(lock)) discard(lock, own);
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS);
    }
  } finally {
    unlinkSync(own);
  }
  return () => rmSync(lock, { force: true });
}

function tryLink(own, lock) {
  try {
    linkSync(own, lock);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function isStale(lock) {
  const holder = readText(lock);
  if (holder === undefined) return false;
  try {
    process.kill(Number(holder), 0);
  } catch (error) {
    return error.code !== 'EPERM';
  }
  try {
    return Date.now() - statSync(lock).mtimeMs > LOCK_STALE_MS;
  } catch {
    return false;
  }
}

/** Renames before removing, so that of two who find a stale lock only one removes it. */
function discard(lock, own) {
  const aside = `${own}.stale`;
  try {
    renameSync(lock, aside);
  } catch {
    return;
  }
  if (isStale(aside)) rmSync(aside, { force: true });
  // A live one came between the look and the rename: it goes back to its place.
  else {
    tryLink(aside, lock);
    rmSync(aside, { force: true });
  }
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    ensureInstalled(dirname(dirname(fileURLToPath(import.meta.url))));
  } catch (error) {
    process.stderr.write(`eider: ${error.message}\n`);
    process.exit(1);
  }
}
