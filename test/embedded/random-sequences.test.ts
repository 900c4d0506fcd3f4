import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Int32 } from 'mongodb';
import type { Database } from '../../lib/db/index.ts';
import { openTestDatabase } from '../support/database.ts';
import type { Doc } from '../model/value.ts';
import { canonical, differenceIn, type Tally } from './compare-operations.ts';
import { seededRandom } from './random.ts';
import { sequenceOf, type Operation } from './random-operations.ts';

const SEQUENCES = Number(process.env['EIDER_TEST_SEQUENCES'] ?? 1000);
/** The first of the seeds, one for each sequence. */
const SEED = Number(process.env['EIDER_TEST_SEED'] ?? 20_261_122);
const AT_ONCE = 4;

describe('random sequences of operations', () => {
  let database: Database;
  let collections = 0;

  before(async () => {
    database = await openTestDatabase();
  });
  after(() => database.close());

  const run = async (operations: readonly Operation[], tally: Tally): Promise<string | undefined> => {
    const collection = database.db.collection(`s${String(collections++)}`);
    try {
      return await differenceIn(collection, operations, tally);
    } finally {
      await collection.drop();
    }
  };

  /** Leaves out what the difference does not need, one operation at a time. */
  const minimised = async (operations: readonly Operation[]): Promise<string> => {
    const tally: Tally = { operations: 0, failures: 0, skipped: 0 };
    let rest = operations;
    for (let at = rest.length - 1; at >= 0; at--) {
      const shorter = rest.filter((_, place) => place !== at);
      if ((await run(shorter, tally)) !== undefined) rest = shorter;
    }
    return `${rest.map(canonical).join('\n')}\n${(await run(rest, tally)) ?? 'no difference any more'}`;
  };

  // Too rare in random sequences to wait for.
  it('rows of a sparse index without any of its fields are left out', async () => {
    const key = { 'l.k': new Int32(1) };
    const document = (id: number): Doc => ({ _id: new Int32(id), l: [{ k: new Int32(id) }, {}] });
    const operations: Operation[] = [
      { kind: 'createIndex', key, options: { name: 'k', unique: true, sparse: true } },
      { kind: 'insertOne', document: document(1) },
      { kind: 'insertOne', document: document(2) },
      { kind: 'find', filter: { 'l.k': new Int32(2) } },
    ];
    const tally: Tally = { operations: 0, failures: 0, skipped: 0 };
    assert.equal(await run(operations, tally), undefined);
    assert.deepEqual(tally, { operations: 4, failures: 0, skipped: 0 });
  });

  it('come out as in the reference model', async (context) => {
    const tally: Tally = { operations: 0, failures: 0, skipped: 0 };
    const differing: { readonly seed: number; readonly operations: readonly Operation[] }[] = [];
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < SEQUENCES && differing.length < 5) {
        const seed = SEED + 2 * next++;
        const operations = sequenceOf(seededRandom(seed));
        if ((await run(operations, tally)) !== undefined) differing.push({ seed, operations });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    const told: string[] = [];
    for (const { seed, operations } of differing) told.push(`seed ${seed}:\n${await minimised(operations)}`);
    context.diagnostic(
      `${SEQUENCES} sequences, ${tally.operations} operations compared, ${tally.failures} of them refused by both, ` +
        `${tally.skipped} not modelled, ${differing.length} sequences differ`,
    );
    assert.equal(differing.length, 0, told.join('\n\n'));
    // A comparison of failures, or of nothing, would show nothing.
    assert.ok(tally.failures < tally.operations / 2 && tally.skipped < tally.operations / 50);
  });
});
