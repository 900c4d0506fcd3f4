import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Collection, Document } from 'mongodb';
import type { Database } from '../../lib/db/index.ts';
import { openTestDatabase } from '../support/database.ts';
import { codeOf } from '../contracts/subject.ts';

const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
const times = (count: number, first: unknown, wrap: (inner: unknown, at: number) => unknown): unknown =>
  numbers(count).reduce(wrap, first);

describe('what would take for ever or fill the memory', () => {
  let database: Database;
  let rows: Collection<{ _id: number; t: string; s?: number[] }>;

  before(async () => {
    database = await openTestDatabase();
    rows = database.db.collection('hostile');
    await rows.insertMany(numbers(300).map((_id) => ({ _id, t: 'x'.repeat(100) })));
  });
  after(() => database.close());

  const running = (stages: readonly Document[]): Promise<unknown> => rows.aggregate([...stages]).toArray();
  const maps = times(6, 1, (inner, at) => ({ $map: { input: numbers(30), as: `v${at}`, in: inner } }));
  const refused: readonly (readonly [string, () => Promise<unknown>, number])[] = [
    ['lists gone through in lists', () => running([{ $limit: 1 }, { $project: { x: maps } }]), 168],
    [
      'a text that doubles',
      () => running(numbers(40).map(() => ({ $addFields: { t: { $concat: ['$t', '$t'] } } }))),
      10334,
    ],
    [
      'a list that doubles',
      () =>
        running(
          numbers(40).map(() => ({
            $addFields: { l: { $concatArrays: [{ $ifNull: ['$l', ['$t']] }, { $ifNull: ['$l', ['$t']] }] } },
          })),
        ),
      10334,
    ],
    ['an expression that backtracks', () => rows.countDocuments({ t: /^(x+x+)+y/ }), 51156],
    [
      'hundreds of them',
      () => rows.countDocuments({ t: { $in: numbers(300).map((n) => new RegExp(`^(x+x+)+y${n}`)) } }),
      51156,
    ],
    [
      'a filter of 101 levels',
      () => rows.countDocuments(times(101, { t: 1 }, (inner) => ({ $and: [inner] })) as never),
      15,
    ],
    [
      'all batches of a query together beyond its time',
      () => rows.find({ t: /^x+$/ }, { batchSize: 1, maxTimeMS: 20 }).toArray(),
      50,
    ],
  ];
  for (const [what, run, code] of refused) {
    it(`is refused: ${what}`, async () => {
      const startedAt = performance.now();
      assert.equal(await codeOf(run()), code);
      assert.ok(performance.now() - startedAt < 5000);
    });
  }

  it('long lists are looked up: 30,000 values of a query, and of $addToSet', async () => {
    assert.equal(await rows.countDocuments({ _id: { $in: numbers(30_000) } }), 300);
    assert.equal(await rows.countDocuments({ _id: { $in: numbers(1000).map((n) => n * 10) } }), 30);
    assert.equal(await rows.countDocuments({ t: { $in: numbers(30_000).map(String) } }), 0);
    await rows.updateOne({ _id: 1 }, { $set: { s: numbers(30_000) } });
    await rows.updateOne({ _id: 1 }, { $addToSet: { s: { $each: numbers(30_001) } } });
    assert.equal((await rows.findOne({ _id: 1 }))?.s?.length, 30_001);
  });
});
