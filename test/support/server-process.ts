import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { existsSync, watch } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NODE_ENVIRONMENT, NODE_FLAGS } from '../../setup/node-flags.mjs';
import { ChildLog } from './child-log.ts';
import { databaseVariables, dropDatabaseOf } from './given-database.ts';

const MAIN = fileURLToPath(new URL('../../workers/main.ts', import.meta.url));

interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** What the ready file says. */
export interface Ready {
  readonly pid: number;
  readonly imap: HostPort;
  readonly imaps: HostPort;
  readonly pop3: HostPort;
  readonly pop3s: HostPort;
  readonly lmtp: HostPort;
  readonly api: { readonly url: string };
  readonly adminToken: string;
}

/** A whole server in a process group of its own, as `eider start` runs it. */
export interface ServerProcess {
  readonly ready: Ready;
  readonly dataDir: string;
  readonly child: ChildProcess;
  /** The log so far, for messages of failed assertions; whole once it has been stopped. */
  log(): string;
  /** Resolves when it has said this. */
  said(pattern: RegExp): Promise<RegExpExecArray>;
  /** SIGTERM, and the exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL to the whole group: server and engine, without a word. */
  killGroup(): Promise<void>;
}

/** A fresh data directory, removed with everything in it by `remove`. */
export async function makeDataDir(): Promise<{ readonly path: string; readonly remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'eider-test-'));
  return {
    path,
    remove: async () => {
      await dropDatabaseOf(path);
      await rm(path, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

let started = 0;

/** Starts a server on free loopback ports and resolves when it listens. */
export async function startServer(
  dataDir: string,
  options: { readonly env?: Readonly<Record<string, string>>; readonly args?: readonly string[] } = {},
): Promise<ServerProcess> {
  started += 1;
  const readyFile = join(dataDir, `ready-${String(process.pid)}-${String(started)}.json`);
  const child = spawn(
    process.execPath,
    [
      ...NODE_FLAGS,
      MAIN,
      'start',
      '--data-dir',
      dataDir,
      '--free-ports',
      '--ready-file',
      readyFile,
      ...(options.args ?? []),
    ],
    {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...NODE_ENVIRONMENT, ...process.env, ...databaseVariables(dataDir), ...options.env },
    },
  );
  const log = new ChildLog(child);
  // Not `exit`, after which the last of its log may still arrive.
  const exited = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  const ready = await Promise.race([
    readWhenThere(dataDir, readyFile),
    exited.then(([code]): never => {
      throw new Error(`the server ended with ${String(code)} before it was ready:\n${log.text}`);
    }),
  ]);
  return {
    ready,
    dataDir,
    child,
    log: () => log.text,
    said: (pattern) => log.said(pattern),
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      const [code] = await exited;
      return code;
    },
    killGroup: async () => {
      if (child.pid !== undefined) {
        try {
          process.kill(-child.pid, 'SIGKILL');
        } catch {
          // the group is gone already
        }
      }
      await exited;
    },
  };
}

/** The ready file is renamed into place, so that seeing it is seeing all of it. */
async function readWhenThere(directory: string, file: string): Promise<Ready> {
  const appeared = new Promise<void>((resolve) => {
    const watcher = watch(directory, () => {
      if (!existsSync(file)) return;
      watcher.close();
      resolve();
    });
    if (existsSync(file)) {
      watcher.close();
      resolve();
    }
  });
  await appeared;
  return JSON.parse(await readFile(file, 'utf8')) as Ready;
}
