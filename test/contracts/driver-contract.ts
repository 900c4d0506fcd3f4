import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, afterEach, before, describe, it } from 'node:test';
import { Binary, Int32, Long, MongoBulkWriteError, MongoClient, MongoServerError, type Db } from 'mongodb';
import { registerCursorContract } from './cursor-contract.ts';
import { registerGridFsContract } from './gridfs-contract.ts';
import { registerIndexContract } from './index-contract.ts';
import { registerQueryContract } from './query-contract.ts';
import { codeOf, type ContractBench, type ContractSubject, type Feature, type Row } from './subject.ts';
import { registerWriteContract } from './write-contract.ts';

const binary = (text: string): Binary => new Binary(Buffer.from(text));

/** What Eider asks of a database through the official driver: one suite for every server that it may run on. */
export function registerDriverContract({ name, open, lacks }: ContractSubject): void {
  describe(`the driver on ${name}`, () => {
    let subject: Awaited<ReturnType<typeof open>>;
    let client: MongoClient;
    let db: Db;
    let counter = 0;
    const fresh = () => db.collection<Row>(`c${counter++}`);

    before(async () => {
      subject = await open();
      client = new MongoClient(subject.uri, {
        writeConcern: { w: 'majority', journal: true },
        readConcern: { level: 'majority' },
        serverSelectionTimeoutMS: 5000,
      });
      await client.connect();
      db = client.db(`contract-${randomBytes(5).toString('hex')}`);
    });
    after(async () => {
      await db.dropDatabase();
      await client.close();
      await subject.close();
    });

    const bench: ContractBench = {
      get client() {
        return client;
      },
      get db() {
        return db;
      },
      fresh,
      another: () => new MongoClient(subject.uri),
      needs: (feature) => {
        const skip = lacks.get(feature) ?? false;
        if (skip !== false) skipped.push(feature);
        return { skip };
      },
    };
    let passed = 0;
    const skipped: string[] = [];
    afterEach((context) => {
      if ('passed' in context && context.passed) passed += 1;
    });
    registerCursorContract(bench);
    registerWriteContract(bench);
    registerQueryContract(bench);
    registerIndexContract(bench);
    registerGridFsContract(bench);

    describe('insert', () => {
      it('stores documents with every field and type as they were', async () => {
        const rows = fresh();
        const document = {
          _id: 1,
          text: 'ä\u0000b',
          whole: 7,
          real: 1.5,
          long: Long.fromString('9007199254740993'),
          data: binary('\u0000\u0001'),
          at: new Date(5),
          nothing: null,
          list: [1, 'two', { three: 3 }],
          nested: { a: { b: true } },
        };
        await rows.insertOne(document);
        assert.deepEqual(await rows.findOne({ _id: 1 }, { promoteLongs: false, promoteValues: true }), {
          ...document,
          whole: new Int32(7).value,
        });
      });

      it('makes an _id where there is none', async () => {
        const rows = db.collection('made');
        const { insertedId } = await rows.insertOne({ a: 1 });
        assert.deepEqual(await rows.findOne({ _id: insertedId }), { _id: insertedId, a: 1 });
      });

      it('refuses a second document of the same _id, and says which key', async () => {
        const rows = fresh();
        await rows.insertOne({ _id: 'x' });
        const error: unknown = await rows.insertOne({ _id: 'x' }).catch((thrown: unknown) => thrown);
        assert.ok(error instanceof MongoServerError);
        assert.equal(error.code, 11000);
        if (lacks.has('duplicateKeys')) return;
        assert.deepEqual(error['keyPattern'], { _id: 1 });
        assert.deepEqual(error['keyValue'], { _id: 'x' });
      });

      it('stops an ordered batch at its first failure', async () => {
        const rows = fresh();
        await rows.insertOne({ _id: 2 });
        const error: unknown = await rows
          .insertMany([{ _id: 1 }, { _id: 2 }, { _id: 3 }], { ordered: true })
          .catch((thrown: unknown) => thrown);
        assert.ok(error instanceof MongoBulkWriteError);
        assert.equal(error.result.insertedCount, 1);
        assert.deepEqual(
          (await rows.find().sort({ _id: 1 }).toArray()).map(({ _id }) => _id),
          [1, 2],
        );
      });

      it('goes on behind failures in an unordered batch, and names each', async () => {
        const rows = fresh();
        await rows.insertMany([{ _id: 2 }, { _id: 4 }]);
        const error: unknown = await rows
          .insertMany(
            [1, 2, 3, 4, 5].map((_id) => ({ _id })),
            { ordered: false },
          )
          .catch((thrown: unknown) => thrown);
        assert.ok(error instanceof MongoBulkWriteError);
        const failures = [error.writeErrors].flat().map(({ index }) => index);
        assert.deepEqual(failures, [1, 3]);
        assert.equal(await rows.countDocuments(), 5);
      });
    });

    describe('find', () => {
      it('gives ranges of binary _ids in their order, both ways', async () => {
        const rows = db.collection<{ _id: Binary }>('binary');
        const names = ['aa', 'ab', 'ac', 'ba', 'bb'];
        await rows.insertMany(names.map((text) => ({ _id: binary(text) })));
        const range = { _id: { $gte: binary('ab'), $lt: binary('bb') } };
        const text = (found: { _id: Binary }[]): string[] => found.map(({ _id }) => String(_id));
        assert.deepEqual(text(await rows.find(range).sort({ _id: 1 }).toArray()), ['ab', 'ac', 'ba']);
        assert.deepEqual(text(await rows.find(range).sort({ _id: -1 }).limit(2).toArray()), ['ba', 'ac']);
        assert.deepEqual(
          text(
            await rows
              .find({ _id: { $in: [binary('bb'), binary('aa')] } })
              .sort({ _id: 1 })
              .toArray(),
          ),
          ['aa', 'bb'],
        );
      });

      it('sorts, skips, limits and projects', async () => {
        const rows = fresh();
        await rows.insertMany([3, 1, 2, 5, 4].map((n) => ({ _id: n, n, s: { a: n, b: n }, x: [n, n + 1] })));
        const found = await rows
          .find({}, { sort: { n: -1 }, skip: 1, limit: 2, projection: { n: 1, 's.a': 1, _id: 0 } })
          .toArray();
        assert.deepEqual(found, [
          { n: 4, s: { a: 4 } },
          { n: 3, s: { a: 3 } },
        ]);
        assert.deepEqual(await rows.findOne({ _id: 1 }, { projection: { s: 0, x: 0 } }), { _id: 1, n: 1 });
        assert.deepEqual(await rows.findOne({ _id: 1 }, { projection: { x: { $slice: -1 } } }), {
          _id: 1,
          n: 1,
          s: { a: 1, b: 1 },
          x: [2],
        });
      });

      it('hands out many documents in batches, and lets go of a cursor', async () => {
        const rows = fresh();
        await rows.insertMany(Array.from({ length: 350 }, (_, n) => ({ _id: n })));
        const all = await rows.find({}, { batchSize: 40, sort: { _id: 1 } }).toArray();
        assert.deepEqual(
          all.map(({ _id }) => _id),
          Array.from({ length: 350 }, (_, n) => n),
        );
        const cursor = rows.find({}, { batchSize: 10 });
        await cursor.next();
        const { id } = cursor;
        await cursor.close();
        const command = { getMore: id, collection: rows.collectionName };
        assert.equal(await codeOf(db.command(command, { promoteLongs: false })), 43);
      });

      it('gives no document twice while others come and go between batches', async () => {
        const rows = fresh();
        await rows.insertMany(Array.from({ length: 20 }, (_, n) => ({ _id: n * 10 })));
        const cursor = rows.find({}, { batchSize: 5, sort: { _id: 1 } });
        const seen: unknown[] = [];
        for (let n = 0; n < 5; n++) seen.push((await cursor.next())?._id);
        await rows.deleteOne({ _id: 150 });
        await rows.insertOne({ _id: 155 });
        for await (const { _id } of cursor) seen.push(_id);
        assert.equal(new Set(seen).size, seen.length);
        // A server may or may not show what came or went meanwhile; the rest it must.
        const untouched = Array.from({ length: 20 }, (_, n) => n * 10).filter((n) => n !== 150);
        assert.deepEqual(
          seen.filter((id) => id !== 150 && id !== 155),
          untouched,
        );
      });
    });

    describe('update', () => {
      it('tells what it matched and what it changed', async () => {
        const rows = fresh();
        await rows.insertMany([
          { _id: 1, a: 1 },
          { _id: 2, a: 1 },
          { _id: 3, a: 2 },
        ]);
        const same = await rows.updateOne({ _id: 1 }, { $set: { a: 1 } });
        assert.deepEqual([same.matchedCount, same.modifiedCount], [1, 0]);
        const many = await rows.updateMany({ a: 1 }, { $inc: { a: 10 }, $push: { log: 'x' } as never });
        assert.deepEqual([many.matchedCount, many.modifiedCount], [2, 2]);
        assert.deepEqual(await rows.findOne({ _id: 2 }), { _id: 2, a: 11, log: ['x'] });
        const none = await rows.updateOne({ _id: 9 }, { $set: { a: 1 } });
        assert.deepEqual([none.matchedCount, none.upsertedCount], [0, 0]);
      });

      it('inserts on upsert what filter and update say', async () => {
        const rows = fresh();
        const made = await rows.updateOne(
          { _id: 'u', kind: 'k' },
          { $set: { a: 1 }, $setOnInsert: { b: 2 } },
          { upsert: true },
        );
        assert.equal(made.upsertedId, 'u');
        const again = await rows.updateOne({ _id: 'u' }, { $set: { a: 2 }, $setOnInsert: { b: 3 } }, { upsert: true });
        assert.equal(again.upsertedCount, 0);
        assert.deepEqual(await rows.findOne({ _id: 'u' }), { _id: 'u', kind: 'k', a: 2, b: 2 });
      });

      it('compares and sets by a conditional update', async () => {
        const rows = fresh();
        await rows.insertOne({ _id: 1, q: 5, rev: 'a' });
        assert.equal((await rows.updateOne({ _id: 1, q: 5, rev: 'a' }, { $set: { q: 6, rev: 'b' } })).modifiedCount, 1);
        assert.equal((await rows.updateOne({ _id: 1, q: 5, rev: 'a' }, { $set: { q: 7 } })).matchedCount, 0);
        assert.equal((await rows.replaceOne({ _id: 1, rev: 'b' }, { q: 8 })).modifiedCount, 1);
        assert.deepEqual(await rows.findOne({ _id: 1 }), { _id: 1, q: 8 });
      });

      it('never changes an _id', async () => {
        const rows = fresh();
        await rows.insertOne({ _id: 1 });
        assert.equal(await codeOf(rows.updateOne({ _id: 1 }, { $set: { _id: 2 } as never })), 66);
      });

      it('keeps counters exact under parallel increments', async () => {
        const rows = fresh();
        await rows.insertOne({ _id: 1, n: 0 });
        await Promise.all(Array.from({ length: 50 }, () => rows.updateOne({ _id: 1 }, { $inc: { n: 1 } })));
        assert.equal((await rows.findOne({ _id: 1 }))?.['n'], 50);
      });
    });

    it('finds and modifies', async () => {
      const rows = fresh();
      await rows.insertMany([
        { _id: 1, p: 2 },
        { _id: 2, p: 1 },
      ]);
      const before = await rows.findOneAndUpdate({}, { $set: { taken: true } }, { sort: { p: 1 } });
      assert.deepEqual(before, { _id: 2, p: 1 });
      const later = await rows.findOneAndUpdate(
        { _id: 2 },
        { $inc: { p: 5 } },
        { returnDocument: 'after', projection: { p: 1 } },
      );
      assert.deepEqual(later, { _id: 2, p: 6 });
      const made = await rows.findOneAndUpdate(
        { _id: 3 },
        { $set: { p: 0 } },
        { upsert: true, returnDocument: 'after' },
      );
      assert.deepEqual(made, { _id: 3, p: 0 });
      assert.deepEqual(await rows.findOneAndReplace({ _id: 3 }, { z: 1 }, { returnDocument: 'after' }), {
        _id: 3,
        z: 1,
      });
      assert.deepEqual(await rows.findOneAndDelete({ _id: 3 }), { _id: 3, z: 1 });
      assert.equal(await rows.findOneAndDelete({ _id: 3 }), null);
    });

    it('deletes one or all', async () => {
      const rows = fresh();
      await rows.insertMany([1, 2, 3, 4].map((_id) => ({ _id, even: _id % 2 === 0 })));
      assert.equal((await rows.deleteOne({ even: true })).deletedCount, 1);
      assert.equal((await rows.deleteMany({ even: false })).deletedCount, 2);
      assert.equal((await rows.deleteMany({ even: false })).deletedCount, 0);
      assert.equal(await rows.countDocuments(), 1);
    });

    it('runs a bulk of mixed writes', async () => {
      const rows = fresh();
      const result = await rows.bulkWrite([
        { insertOne: { document: { _id: 1, a: 1 } } },
        { updateOne: { filter: { _id: 1 }, update: { $inc: { a: 1 } } } },
        { updateOne: { filter: { _id: 2 }, update: { $set: { a: 9 } }, upsert: true } },
        { deleteOne: { filter: { _id: 1 } } },
      ]);
      assert.deepEqual(
        [result.insertedCount, result.modifiedCount, result.upsertedCount, result.deletedCount],
        [1, 1, 1, 1],
      );
    });

    it('counts and lists distinct values', async () => {
      const rows = fresh();
      await rows.insertMany([{ _id: 1, t: ['a', 'b'] }, { _id: 2, t: 'b' }, { _id: 3 }]);
      assert.equal(await rows.countDocuments({ t: 'b' }), 2);
      assert.equal(await rows.countDocuments({}, { skip: 1, limit: 1 }), 1);
      assert.equal(await rows.estimatedDocumentCount(), 3);
      assert.deepEqual((await rows.distinct('t')).sort(), ['a', 'b']);
    });

    it('aggregates', async () => {
      const rows = fresh();
      await rows.insertMany([
        { _id: 1, k: 'a', n: 1 },
        { _id: 2, k: 'b', n: 2 },
        { _id: 3, k: 'a', n: 3 },
      ]);
      const result = await rows
        .aggregate([
          { $match: { n: { $gt: 0 } } },
          { $group: { _id: '$k', sum: { $sum: '$n' }, all: { $push: '$_id' } } },
          { $sort: { _id: 1 } },
          { $addFields: { double: { $multiply: ['$sum', 2] } } },
        ])
        .toArray();
      assert.deepEqual(result, [
        { _id: 'a', sum: 4, all: [1, 3], double: 8 },
        { _id: 'b', sum: 2, all: [2], double: 4 },
      ]);
    });

    it('lists and drops collections', async () => {
      const other = client.db(`${db.databaseName}-2`);
      await other.createCollection('one');
      await other.collection('two').insertOne({ a: 1 });
      const names = async (): Promise<string[]> =>
        (await other.listCollections().toArray()).map(({ name: n }) => n).sort();
      assert.deepEqual(await names(), ['one', 'two']);
      await other.collection('one').drop();
      assert.deepEqual(await names(), ['two']);
      await other.dropDatabase();
      assert.deepEqual(await names(), []);
    });

    it('ends an operation that takes longer than its maxTimeMS, or in time', async () => {
      const rows = fresh();
      await rows.insertOne({ _id: 1 });
      assert.deepEqual(await rows.find({}, { maxTimeMS: 5000 }).toArray(), [{ _id: 1 }]);
    });

    it('refuses unknown operators by code', async () => {
      const rows = fresh();
      await rows.insertOne({ _id: 1 });
      assert.equal(await codeOf(rows.findOne({ a: { $nope: 1 } })), 2);
      assert.equal(await codeOf(rows.updateOne({ _id: 1 }, { $nope: { a: 1 } })), 9);
    });

    it('passes as a whole', (context) => {
      const reasons = skipped.map((feature) => `${feature} (${lacks.get(feature as Feature) ?? ''})`);
      context.diagnostic(
        `${name}: ${passed} passed, ${skipped.length} skipped${reasons.length > 0 ? ': ' : ''}${reasons.join(', ')}`,
      );
      assert.ok(passed > 40);
    });
  });
}
