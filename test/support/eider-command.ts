import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { databaseVariables } from './given-database.ts';

const MAIN = fileURLToPath(new URL('../../workers/main.ts', import.meta.url));

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `eider ARGS` to its end, with the given standard input. */
export async function runEider(
  args: readonly string[],
  input = '',
  environment: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  const dataDir = args[args.indexOf('--data-dir') + 1];
  const variables = args.includes('--data-dir') && dataDir !== undefined ? databaseVariables(dataDir) : {};
  const child = spawn(process.execPath, [MAIN, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...variables, ...environment, NODE_NO_WARNINGS: '1' },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}
