import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { databaseVariables } from '../support/given-database.ts';

const MAIN = fileURLToPath(new URL('../../workers/main.ts', import.meta.url));

/** When a command is to die: at a passage of a crash point, or so many milliseconds after it was started. */
export type Death = { readonly point: string; readonly nth: number } | { readonly afterMs: number };

export interface KilledResult {
  /** False where the command was done before. */
  readonly isKilled: boolean;
  readonly code: number | null;
  readonly stderr: string;
}

/** Runs `eider ARGS` and has it killed with SIGKILL. */
export async function runKilled(args: readonly string[], death: Death): Promise<KilledResult> {
  const dataDir = args[args.indexOf('--data-dir') + 1];
  const point = 'point' in death ? { EIDER_CRASH_POINT: `${death.point}:${String(death.nth)}` } : {};
  const child = spawn(process.execPath, [MAIN, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...databaseVariables(dataDir ?? ''), ...point, NODE_NO_WARNINGS: '1' },
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  if ('afterMs' in death) {
    await Promise.race([ended, delay(death.afterMs, undefined, { ref: false })]);
    child.kill('SIGKILL');
  }
  const [code, signal] = await ended;
  return { isKilled: signal === 'SIGKILL', code, stderr };
}
