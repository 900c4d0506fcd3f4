import assert from 'node:assert/strict';
import { glob, readFile } from 'node:fs/promises';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { COMMAND_CRASHES } from '../backup/killed-suite.ts';
import { CRASHES } from './crash-cases.ts';
import { crashSuite } from './crash-suite.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

it('every crash point of the sources has a case that kills there, and no case a point that is none', async () => {
  const points = new Set<string>();
  for await (const file of glob('{lib,api,workers,imap-core}/**/*.ts', { cwd: ROOT })) {
    if (file === 'lib/kernel/crash-point.ts') continue;
    const source = await readFile(`${ROOT}${file}`, 'utf8');
    const calls = source.match(/crashPoint\(/g)?.length ?? 0;
    const names = [...source.matchAll(/crashPoint\(\s*'([^']+)'/g)].map(([, name = '']) => name);
    assert.equal(names.length, calls, `${file}: a crash point is named by a literal`);
    for (const name of names) points.add(name);
  }
  assert.ok(points.size > 20);
  const cases = [...CRASHES.map(({ point }) => point), ...COMMAND_CRASHES.map(([point]) => point)];
  assert.deepEqual([...new Set(cases)].sort(), [...points].sort());
});

crashSuite('kill -9 at a crash point', CRASHES);
