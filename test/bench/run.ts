/**
 * `npm run bench [NAMES]`: measures, one bench after the other, all or those named. The figures are of this machine at
 * this moment: compare them with figures of the same run, or of the same machine, taken one after the other.
 */
import { glob } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Bench } from './bench.ts';

const FOLDER = dirname(fileURLToPath(import.meta.url));
const SUFFIX = '.bench.ts';

const names: string[] = [];
for await (const file of glob(`*${SUFFIX}`, { cwd: FOLDER })) names.push(basename(file, SUFFIX));
names.sort();

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`there is no bench ${unknown.join(', ')}; there are ${names.join(', ')}\n`);
  process.exitCode = 1;
} else {
  for (const name of names) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    const { bench } = (await import(join(FOLDER, `${name}${SUFFIX}`))) as { readonly bench: Bench };
    process.stdout.write(`${name}: ${bench.title}\n`);
    await bench.run({ line: (text) => process.stdout.write(`  ${text}\n`) });
  }
}
