/**
 * `npm test`: checks the sources, runs every `*.test.ts` under test/, and ends with the counts. Arguments are parts
 * of file names: with them only those files run, and nothing else. `--long` takes the `*.long.ts` instead.
 */
import { glob } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { verify } from '../setup/verify.ts';
import { runTestFiles } from './support/test-runner.ts';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

async function testFiles(pattern: string, parts: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for await (const file of glob(pattern, { cwd: ROOT })) {
    if (parts.length === 0 || parts.some((part) => file.includes(part))) files.push(file);
  }
  return files.sort();
}

const { values, positionals } = parseArgs({
  options: { long: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const files = await testFiles(values.long ? 'test/**/*.long.ts' : 'test/**/*.test.ts', positionals);
const isWhole = positionals.length === 0 && !values.long;
const isClean = !isWhole || (await verify());
const counts = await runTestFiles(
  files.map((file) => join(ROOT, file)),
  {
    root: ROOT,
    // One more than processors: many tests wait for servers to start, and for time-outs.
    concurrency: values.long ? 1 : Math.max(3, Math.min(4, availableParallelism() + 1)),
    // One file that hangs must not hold up the rest for ever.
    timeoutMs: values.long ? 30 * 60_000 : 4 * 60_000,
  },
);
if (!isClean) process.stdout.write('The checks of the sources failed; see the top.\n');
process.stdout.write(
  `${String(counts.passed)} passed, ${String(counts.failed)} failed, ${String(counts.skipped)} skipped\n`,
);
// A run that saw no test has shown nothing.
process.exitCode = isClean && counts.failed === 0 && counts.passed > 0 ? 0 : 1;
