import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ChildLog } from '../support/child-log.ts';
import { socketUri } from '../../lib/embedded/server/start.ts';

const ENTRY = fileURLToPath(new URL('../../lib/embedded/process/engine-process.ts', import.meta.url));

/** An engine in a process of its own, as `attachEmbedded` starts one, but watched by nobody. */
export interface EngineChild {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly uri: string;
  /** What has arrived of its log so far. */
  log(): string;
  /** Resolves when it has said this. */
  said(pattern: RegExp): Promise<RegExpExecArray>;
  /** Resolves with the exit status, null where a signal ended it. */
  readonly ended: Promise<number | null>;
}

/** @param wrapper a command that runs the engine, such as `strace` with its options */
export function spawnEngine(dataDir: string, wrapper: readonly string[] = []): EngineChild {
  const command = [...wrapper, process.execPath, '--disable-warning=ExperimentalWarning', ENTRY, '--data-dir', dataDir];
  const child = spawn(command[0] ?? '', command.slice(1), { stdio: ['ignore', 'ignore', 'pipe'] });
  const log = new ChildLog(child);
  // Not `close`: a wrapper that is killed leaves the engine behind, and the engine its end of the log.
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  return {
    process: child,
    pid: child.pid ?? 0,
    uri: socketUri(join(dataDir, 'engine.sock')),
    log: () => log.text,
    said: (pattern) => log.said(pattern),
    ended,
  };
}

/** As `spawnEngine`, once it answers on its socket. */
export async function startEngineChild(dataDir: string, wrapper: readonly string[] = []): Promise<EngineChild> {
  const child = spawnEngine(dataDir, wrapper);
  for (let tries = 0; tries < 1500 && child.process.exitCode === null; tries += 1) {
    const socket = connect(join(dataDir, 'engine.sock'));
    const isUp = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isUp) return child;
    await delay(10);
  }
  throw new Error(`the engine does not start: ${child.log()}`);
}
