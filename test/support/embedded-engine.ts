import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEngine, type RunningEngine } from '../../lib/embedded/index.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';

interface SharedEngine {
  readonly engine: RunningEngine;
  readonly directory: string;
}

let shared: Promise<SharedEngine> | undefined;
let users = 0;

/** A folder for data that need not survive the test, in memory where the machine offers that. */
export async function temporaryDirectory(name: string): Promise<string> {
  return mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), `eider-${name}-`));
}

async function start(): Promise<SharedEngine> {
  const directory = await temporaryDirectory('test');
  const socketPath = join(directory, 'engine.sock');
  const file = join(directory, 'engine.sqlite');
  // What reads a whole collection for want of an index is too slow to be meant.
  const engine = await startEngine({ file, socketPath, logger: silentLogger, maxScan: 1000 });
  return { engine, directory };
}

/**
 * The embedded engine in this process, one for all who ask at the same time; it stops when the last of them lets go.
 * @returns its connection string and how to let go
 */
export async function borrowEngine(): Promise<{ readonly uri: string; readonly release: () => Promise<void> }> {
  users += 1;
  shared ??= start();
  const mine = shared;
  const { engine } = await mine;
  return {
    uri: engine.uri,
    release: async () => {
      users -= 1;
      if (users > 0) return;
      shared = undefined;
      const { engine: last, directory } = await mine;
      await last.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
