import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  Binary,
  Decimal128,
  Int32,
  Long,
  MaxKey,
  MinKey,
  MongoBulkWriteError,
  ObjectId,
  Timestamp,
  type Document,
} from 'mongodb';
import { codeOf, failureOf, type ContractBench } from './subject.ts';

export function registerWriteContract(bench: ContractBench): void {
  describe('write errors', () => {
    it('name statement, code and key', bench.needs('duplicateKeys'), async () => {
      const rows = bench.fresh();
      await rows.createIndex({ a: 1, b: -1 }, { unique: true }, {});
      await rows.insertMany([
        { _id: 1, a: 1, b: 1 },
        { _id: 2, a: 2, b: 2 },
      ]);
      // The driver keeps less of an error than the server tells.
      const reply = await bench.db.command({
        insert: rows.collectionName,
        documents: [
          { _id: 3, a: 3, b: 3 },
          { _id: 4, a: 2, b: 2 },
        ],
      });
      assert.equal(reply['n'], 1);
      const [failure, ...more] = reply['writeErrors'] as Document[];
      assert.equal(more.length, 0);
      assert.deepEqual([failure?.['index'], failure?.['code']], [1, 11000]);
      assert.match(String(failure?.['errmsg']), /^E11000 duplicate key error collection: .* index: a_1_b_-1 dup key: /);
      assert.deepEqual(
        [failure?.['keyPattern'], failure?.['keyValue']],
        [
          { a: 1, b: -1 },
          { a: 2, b: 2 },
        ],
      );
    });

    it('end an ordered bulk of updates and deletes, and not an unordered one', async () => {
      for (const ordered of [true, false]) {
        const rows = bench.fresh();
        await rows.insertMany([{ _id: 1, n: 'x' }, { _id: 2, n: 1 }, { _id: 3 }]);
        const error: unknown = await rows
          .bulkWrite(
            [
              { updateOne: { filter: { _id: 2 }, update: { $inc: { n: 1 } } } },
              { updateOne: { filter: { _id: 1 }, update: { $inc: { n: 1 } } } },
              { updateOne: { filter: { _id: 2 }, update: { $inc: { n: 1 } } } },
              { deleteOne: { filter: { _id: 3 } } },
            ],
            { ordered },
          )
          .catch((thrown: unknown) => thrown);
        assert.ok(error instanceof MongoBulkWriteError);
        assert.deepEqual(
          [error.writeErrors].flat().map(({ index, code }) => [index, code]),
          [[1, 14]],
        );
        assert.equal((await rows.findOne({ _id: 2 }))?.['n'], ordered ? 2 : 3);
        assert.equal(await rows.countDocuments({ _id: 3 }), ordered ? 1 : 0);
      }
    });
  });

  describe('upsert', () => {
    it('takes the _id of the filter, of $setOnInsert, or makes one', async () => {
      const rows = bench.fresh();
      const ids = [
        await rows.updateOne({ _id: 'f' }, { $set: { a: 1 } }, { upsert: true }),
        await rows.updateOne({ a: 'none' }, { $setOnInsert: { _id: 's' } }, { upsert: true }),
        await rows.updateOne({ a: 'nobody' }, { $set: { b: 1 } }, { upsert: true }),
        await rows.replaceOne({ _id: 'r' }, { c: 1 }, { upsert: true }),
      ].map(({ upsertedId }) => upsertedId as unknown);
      assert.deepEqual([ids[0], ids[1], ids[3]], ['f', 's', 'r']);
      assert.ok(ids[2] instanceof ObjectId);
      assert.deepEqual(await rows.findOne({ b: 1 }, { projection: { _id: 0 } }), { a: 'nobody', b: 1 });
    });

    it('takes equalities of $and and $eq, and not of ranges', async () => {
      const rows = bench.fresh();
      const filter = { $and: [{ _id: 7 }, { a: { $eq: 2 } }], b: { $gt: 5 }, 'c.d': 3 };
      await rows.updateOne(filter, { $set: { e: 1 } }, { upsert: true });
      assert.deepEqual(await rows.findOne({ _id: 7 }), { _id: 7, a: 2, c: { d: 3 }, e: 1 });
    });

    it('conflicts where a unique key is there, and where _id would change', async () => {
      const rows = bench.fresh();
      await rows.createIndex({ k: 1 }, { unique: true }, {});
      await rows.insertOne({ _id: 1, k: 1 });
      assert.equal(await codeOf(rows.updateOne({ _id: 2 }, { $set: { k: 1 } }, { upsert: true })), 11000);
      const changed = rows.updateOne({ _id: 3 }, { $set: { _id: 4 } as never }, { upsert: true });
      assert.equal(await codeOf(changed), 66);
      assert.equal(await rows.countDocuments(), 1);
    });

    it('of many at once inserts one', async () => {
      const rows = bench.fresh();
      const made = await Promise.all(
        Array.from({ length: 20 }, () =>
          rows.updateOne({ _id: 'same' }, { $inc: { n: 1 } }, { upsert: true }).catch((error: unknown) => error),
        ),
      );
      assert.equal(await rows.countDocuments(), 1);
      const failed = made.filter((one) => one instanceof Error).length;
      assert.equal((await rows.findOne({ _id: 'same' }))?.['n'], made.length - failed);
    });
  });

  describe('findAndModify', () => {
    it('with $setOnInsert, before and after', async () => {
      const rows = bench.fresh();
      const update = { $setOnInsert: { made: 1 }, $inc: { n: 1 } };
      assert.equal(await rows.findOneAndUpdate({ _id: 1 }, update, { upsert: true }), null);
      const after = await rows.findOneAndUpdate({ _id: 1 }, update, { upsert: true, returnDocument: 'after' });
      assert.deepEqual(after, { _id: 1, made: 1, n: 2 });
    });

    it('with array filters, a pipeline, and positions', async () => {
      const rows = bench.fresh();
      await rows.insertOne({ _id: 1, l: [{ k: 1 }, { k: 2 }], n: 2 });
      const filtered = await rows.findOneAndUpdate(
        { _id: 1 },
        { $set: { 'l.$[e].v': 9 } },
        { arrayFilters: [{ 'e.k': { $gte: 2 } }], returnDocument: 'after' },
      );
      assert.deepEqual(filtered?.['l'], [{ k: 1 }, { k: 2, v: 9 }]);
      const computed = await rows.findOneAndUpdate({ _id: 1 }, [{ $set: { n: { $add: ['$n', 3] } } }], {
        returnDocument: 'after',
        projection: { n: 1 },
      });
      assert.deepEqual(computed, { _id: 1, n: 5 });
      await rows.updateOne({ _id: 1, 'l.k': 2 }, { $inc: { 'l.$.k': 5 } });
      assert.deepEqual((await rows.findOne({ _id: 1 }))?.['l'], [{ k: 1 }, { k: 7, v: 9 }]);
    });

    it('by several keys in both directions', async () => {
      const rows = bench.fresh();
      await rows.insertMany([
        { _id: 1, a: 1, b: 1 },
        { _id: 2, a: 1, b: 2 },
        { _id: 3, a: 2, b: 1 },
      ]);
      const sort = { a: 1, b: -1 } as const;
      assert.equal((await rows.findOneAndDelete({}, { sort }))?._id, 2);
      assert.equal((await rows.findOneAndReplace({}, { c: 1 }, { sort: { a: -1 } }))?._id, 3);
      assert.equal((await rows.findOneAndUpdate({ a: 1 }, { $set: { b: 7 } }, { sort }))?._id, 1);
    });

    it('by an index that is named', bench.needs('modifyHint'), async () => {
      const rows = bench.fresh();
      await rows.insertOne({ _id: 1, a: 1 });
      const hint = { _id: 1 };
      assert.equal((await rows.findOneAndUpdate({ a: 1 }, { $set: { b: 7 } }, { hint }))?._id, 1);
      assert.equal(await codeOf(rows.findOneAndDelete({ a: 1 }, { hint: 'none' as never })), 2);
    });

    it('is refused for what is neither update nor removal', async () => {
      const rows = bench.fresh();
      await rows.insertOne({ _id: 1 });
      const both = bench.db.command({ findAndModify: rows.collectionName, remove: true, update: { a: 1 } });
      assert.equal((await failureOf(both)).code, 9);
      const neither = bench.db.command({ findAndModify: rows.collectionName, remove: true, new: true });
      assert.equal((await failureOf(neither)).code, 9);
    });
  });

  it('sorts values of all types in MongoDB’s order', async () => {
    const rows = bench.fresh();
    const ascending: readonly unknown[] = [
      new MinKey(),
      null,
      new Int32(-5),
      Long.fromString('3'),
      3.5,
      Decimal128.fromString('4.25'),
      '',
      'a',
      'b',
      { a: 1 },
      { a: 2 },
      new Binary(Buffer.from('x')),
      new Binary(Buffer.from('ab')),
      new ObjectId('000000000000000000000001'),
      false,
      true,
      new Date(-1),
      new Date(1),
      new Timestamp({ t: 1, i: 1 }),
      /a/,
      new MaxKey(),
    ];
    const order = ascending.map((_, at) => at);
    await rows.insertMany(
      [...order].sort((a, b) => ((a * 7) % 11) - ((b * 7) % 11)).map((at) => ({ _id: at, v: ascending[at] })),
    );
    const ids = async (sort: Record<string, 1 | -1>): Promise<unknown[]> =>
      (await rows.find({}, { sort, projection: { _id: 1 } }).toArray()).map(({ _id }) => _id);
    assert.deepEqual(await ids({ v: 1, _id: 1 }), order);
    assert.deepEqual(await ids({ v: -1, _id: 1 }), [...order].reverse());
    await rows.createIndex({ v: 1 });
    assert.deepEqual(await ids({ v: 1 }), order);
    assert.deepEqual(await ids({ v: -1 }), [...order].reverse());
  });

  it('does a retried write once', bench.needs('retries'), async () => {
    const rows = bench.fresh();
    await rows.insertOne({ _id: 1, n: 0 });
    const client = bench.another();
    const session = client.startSession();
    const db = client.db(bench.db.databaseName);
    const command = {
      update: rows.collectionName,
      updates: [{ q: { _id: 1 }, u: { $inc: { n: 1 } } }],
      txnNumber: Long.fromNumber(1),
    };
    const first = await db.command(command, { session });
    const second = await db.command(command, { session });
    assert.deepEqual([first['nModified'], second['nModified']], [1, 1]);
    assert.equal((await rows.findOne({ _id: 1 }))?.['n'], 1);
    const older = db.command({ ...command, txnNumber: Long.fromNumber(0) }, { session });
    assert.equal(await codeOf(older), 225);
    await session.endSession();
    await client.close();
  });
}
