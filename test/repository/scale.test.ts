import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { it } from 'node:test';
import { renderTables, scaleTables } from '../../setup/scale.ts';

it('docs/scale.md shows the tables as `npm run scale` prints them', async () => {
  const page = await readFile(new URL('../../docs/scale.md', import.meta.url), 'utf8');
  assert.ok(page.includes(renderTables(scaleTables())), 'print them anew');
});

it('a store of ten times the users needs ten times the documents, writes and hints', () => {
  const [, storage, traffic] = scaleTables();
  const column = (rows: readonly (readonly string[])[], index: number): number[] =>
    rows.map((row) => Number(row[index]?.replaceAll(',', '')));
  for (const index of [1, 5, 6]) {
    const rates = column(traffic?.rows ?? [], index);
    assert.equal(rates.length, 5);
    for (const [at, rate] of rates.slice(1).entries()) {
      const ratio = rate / (rates[at] ?? 0);
      assert.ok(ratio > 9 && ratio < 11, `${String(ratio)} at ${String(at)}`);
    }
  }
  assert.match(storage?.rows.at(-1)?.[3] ?? '', /PB$/);
});
