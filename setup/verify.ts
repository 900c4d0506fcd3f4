/** Everything that can be said of the sources without running them. Run by `npm run verify`, and first by `npm test`. */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const BIN = join(ROOT, 'node_modules');

interface Check {
  readonly name: string;
  /** A script of a package and its arguments; run by this Node, so that no tool meets an older one. */
  readonly command: readonly string[];
}

/** The slow ones first, so that the last to end is a quick one. */
const CHECKS: readonly Check[] = [
  { name: 'eslint', command: ['eslint/bin/eslint.js', '--max-warnings=0', '.'] },
  { name: 'tsc', command: ['typescript/bin/tsc', '--noEmit'] },
  {
    name: 'dependency-cruiser',
    command: ['dependency-cruiser/bin/dependency-cruise.mjs', 'imap-core', 'lib', 'api', 'workers', 'setup', 'test'],
  },
  { name: 'knip', command: ['knip/bin/knip.js', '--no-progress'] },
  { name: 'prettier', command: ['prettier/bin/prettier.cjs', '--check', '--log-level=warn', '.'] },
];

interface Outcome {
  readonly isClean: boolean;
  readonly output: string;
}

async function run(check: Check): Promise<Outcome> {
  const [script = '', ...args] = check.command;
  const child = spawn(process.execPath, [join(BIN, script), ...args], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const keep = (chunk: Buffer): void => {
    output += chunk.toString('utf8');
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  return await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ isClean: code === 0, output }));
  });
}

/** Runs every check, as many at a time as there are processors; prints what the failing ones say. */
export async function verify(): Promise<boolean> {
  const waiting = [...CHECKS];
  let isClean = true;
  const work = async (): Promise<void> => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      const startedAt = performance.now();
      const outcome = await run(check);
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      process.stdout.write(`${outcome.isClean ? 'ok    ' : 'FAILED'} ${check.name} (${seconds} s)\n`);
      if (outcome.isClean) continue;
      isClean = false;
      process.stdout.write(`${outcome.output.trimEnd()}\n`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, work));
  return isClean;
}

if (import.meta.main) process.exitCode = (await verify()) ? 0 : 1;
