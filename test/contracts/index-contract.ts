import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { codeOf, type ContractBench } from './subject.ts';

export function registerIndexContract(bench: ContractBench): void {
  describe('indexes', () => {
    it('are created once, listed and dropped', async () => {
      const rows = bench.fresh();
      await rows.createIndexes([{ key: { a: 1, b: -1 } }, { key: { c: 1 }, unique: true, sparse: true, name: 'cc' }]);
      await rows.createIndex({ a: 1, b: -1 });
      const listed = await rows.indexes();
      assert.deepEqual(listed.map((index) => index.name).sort(), ['_id_', 'a_1_b_-1', 'cc']);
      assert.equal(listed.find((index) => index.name === 'cc')?.unique, true);
      assert.equal(await codeOf(rows.createIndex({ c: 1 }, { unique: false, name: 'cc' }, {})), 86);
      await rows.dropIndex('cc');
      assert.equal((await rows.indexes()).length, 2);
    });

    it('keep keys unique, compound and through updates', async () => {
      const rows = bench.fresh();
      await rows.createIndex({ a: 1, b: 1 }, { unique: true }, {});
      await rows.insertMany([
        { _id: 1, a: 1, b: 1 },
        { _id: 2, a: 1, b: 2 },
      ]);
      assert.equal(await codeOf(rows.insertOne({ _id: 3, a: 1, b: 2 })), 11000);
      assert.equal(await codeOf(rows.updateOne({ _id: 2 }, { $set: { b: 1 } })), 11000);
      assert.deepEqual(await rows.findOne({ _id: 2 }), { _id: 2, a: 1, b: 2 });
      await rows.deleteOne({ _id: 1 });
      await rows.updateOne({ _id: 2 }, { $set: { b: 1 } });
      await rows.insertOne({ _id: 4, a: 1, b: 2 });
    });

    it('leave out documents when sparse, and elements make several keys', async () => {
      const rows = bench.fresh();
      await rows.createIndex({ email: 1 }, { unique: true, sparse: true }, {});
      await rows.insertMany([{ _id: 1 }, { _id: 2 }, { _id: 3, email: ['a', 'b'] }]);
      assert.equal(await codeOf(rows.insertOne({ _id: 4, email: 'b' })), 11000);
      assert.deepEqual(await rows.find({ email: 'b' }).toArray(), [{ _id: 3, email: ['a', 'b'] }]);
      assert.equal(await rows.countDocuments({ email: null }), 2);
    });

    it('are refused over documents that break them', async () => {
      const rows = bench.fresh();
      await rows.insertMany([
        { _id: 1, a: 1 },
        { _id: 2, a: 1 },
      ]);
      assert.equal(await codeOf(rows.createIndex({ a: 1 }, { unique: true }, {})), 11000);
      assert.equal((await rows.indexes()).length, 1);
    });
  });
}
