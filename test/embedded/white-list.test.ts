import assert from 'node:assert/strict';
import { glob, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'node:test';
import { EXPRESSION_OPERATORS } from '../../lib/embedded/expression/parse.ts';
import { ACCUMULATOR_NAMES } from '../../lib/embedded/pipeline/group.ts';
import { STAGE_NAMES } from '../../lib/embedded/pipeline/stages.ts';
import { FILTER_OPERATORS } from '../../lib/embedded/query/parse.ts';
import { UPDATE_OPERATORS } from '../../lib/embedded/update/operators.ts';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const KNOWN = new Set([
  ...FILTER_OPERATORS,
  ...UPDATE_OPERATORS.keys(),
  ...STAGE_NAMES,
  ...ACCUMULATOR_NAMES,
  ...EXPRESSION_OPERATORS,
  ...['$rename', '$each', '$position', '$slice', '$sort', '$elemMatch'],
]);

describe('the product', () => {
  it('uses no operator that the embedded engine does not know', async () => {
    const unknown: string[] = [];
    let files = 0;
    let uses = 0;
    // Only these files talk to a database.
    for await (const file of glob('lib/**/*-collection.ts', { cwd: ROOT })) {
      files += 1;
      const text = await readFile(join(ROOT, file), 'utf8');
      for (const [, operator] of text.matchAll(/(?<![\w\\])(\$[a-z][A-Za-z]*)['"]?\s*:/g)) {
        if (operator === undefined) continue;
        uses += 1;
        if (!KNOWN.has(operator)) unknown.push(`${operator} in ${file}`);
      }
    }
    assert.deepEqual(unknown, []);
    assert.ok(files > 5 && uses > 10, `${files} files with ${uses} operators were looked at`);
  });
});
