import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Document } from 'mongodb';
import { codeOf, type ContractBench } from './subject.ts';

/** The stages of a plan from the top down. */
function stagesOf(explained: Document): Document[] {
  const planner = explained['queryPlanner'] as { winningPlan: Document };
  const stages: Document[] = [];
  for (let stage: Document | undefined = planner.winningPlan; stage !== undefined;) {
    stages.push(stage);
    stage = stage['inputStage'] as Document | undefined;
  }
  return stages;
}

export function registerQueryContract(bench: ContractBench): void {
  describe('$lookup on equality', () => {
    const joined = async (local: readonly Document[], foreign: readonly Document[], isIndexed: boolean) => {
      const [left, right] = [bench.fresh(), bench.fresh()];
      await left.insertMany(local as never);
      await right.insertMany(foreign as never);
      if (isIndexed) await right.createIndex({ f: 1 });
      const lookup = { from: right.collectionName, localField: 'l', foreignField: 'f', as: 'j' };
      const found = await left
        .aggregate([{ $sort: { _id: 1 } }, { $lookup: lookup }, { $project: { 'j._id': 1 } }])
        .toArray();
      return found.map(({ j }) => (j as Document[]).map(({ _id }) => _id as number).sort((a, b) => a - b));
    };
    const foreign = [
      { _id: 1, f: 1 },
      { _id: 2, f: [1, 2] },
      { _id: 3, f: null },
      { _id: 4 },
      { _id: 5, f: 'a' },
      { _id: 6, f: { x: 1 } },
    ];
    for (const isIndexed of [false, true]) {
      it(`joins values, elements and what is missing ${isIndexed ? 'by an index' : 'without an index'}`, async () => {
        const local = [
          { _id: 1, l: 1 },
          { _id: 2, l: [2, 'a'] },
          { _id: 3, l: null },
          { _id: 4 },
          { _id: 5, l: { x: 1 } },
          { _id: 6, l: 'none' },
        ];
        assert.deepEqual(await joined(local, foreign, isIndexed), [[1, 2], [2, 5], [3, 4], [3, 4], [6], []]);
      });
    }

    it('joins nothing from a collection that is not there, and puts the list in place of a field', async () => {
      const rows = bench.fresh();
      await rows.insertOne({ _id: 1, j: 'old', z: 1 });
      const lookup = { from: 'not-there', localField: 'z', foreignField: 'f', as: 'j' };
      assert.deepEqual(await rows.aggregate([{ $lookup: lookup }]).toArray(), [{ _id: 1, j: [], z: 1 }]);
    });
  });

  describe('aggregation', () => {
    it('$unwind, $group, $sort, $skip, $limit, $count and $setUnion', async () => {
      const rows = bench.fresh();
      await rows.insertMany([
        { _id: 1, t: ['a', 'b'], n: 1 },
        { _id: 2, t: ['b'], n: 2 },
        { _id: 3, t: ['a', 'c', 'b'], n: 3 },
      ]);
      const tags = await rows
        .aggregate([
          { $unwind: '$t' },
          {
            $group: { _id: '$t', n: { $sum: '$n' }, least: { $min: '$n' }, most: { $max: '$n' }, avg: { $avg: '$n' } },
          },
          { $sort: { n: -1, _id: 1 } },
          { $skip: 1 },
          { $limit: 2 },
        ])
        .toArray();
      assert.deepEqual(tags, [
        { _id: 'a', n: 4, least: 1, most: 3, avg: 2 },
        { _id: 'c', n: 3, least: 3, most: 3, avg: 3 },
      ]);
      assert.deepEqual(await rows.aggregate([{ $match: { t: 'a' } }, { $count: 'all' }]).toArray(), [{ all: 2 }]);
      const [union] = await rows
        .aggregate<{ u: string[] }>([
          { $match: { _id: 1 } },
          { $project: { u: { $setUnion: ['$t', ['z', 'a', 'z']] } } },
        ])
        .toArray();
      assert.deepEqual(union?.u.sort(), ['a', 'b', 'z']);
    });

    it('is refused where it would write', bench.needs('refusals'), async () => {
      const rows = bench.fresh();
      await rows.insertOne({ _id: 1 });
      for (const stage of [{ $out: 'x' }, { $merge: { into: 'x' } }]) {
        assert.equal(await codeOf(rows.aggregate([stage]).toArray()), 40324);
      }
    });
  });

  describe('explain', bench.needs('explain'), () => {
    it('names the index, its bounds, and what was examined', async () => {
      const rows = bench.fresh();
      await rows.insertMany(Array.from({ length: 50 }, (_, n) => ({ _id: n, a: n % 10, b: n })));
      await rows.createIndex({ a: 1, b: -1 });
      const explained = await rows.find({ a: 3, b: { $gte: 20 } }).explain('executionStats');
      const scan = stagesOf(explained).find(({ stage }) => stage === 'IXSCAN');
      assert.equal(scan?.['indexName'], 'a_1_b_-1');
      assert.deepEqual(Object.keys(scan['indexBounds'] as Document), ['a', 'b']);
      const stats = explained['executionStats'] as Document;
      assert.deepEqual([stats['nReturned'], stats['totalDocsExamined']], [3, 3]);
      assert.ok(Number(stats['totalKeysExamined']) <= 4);
    });

    it('tells of whole collections and of sorts without an index', async () => {
      const rows = bench.fresh();
      await rows.insertMany([{ _id: 1 }, { _id: 2 }]);
      const names = stagesOf(await rows.find({ x: 1 }, { sort: { y: 1 } }).explain('queryPlanner')).map(({ stage }) =>
        String(stage),
      );
      assert.deepEqual(names, ['SORT', 'COLLSCAN']);
    });

    it('changes nothing for updates, deletes and findAndModify', async () => {
      const rows = bench.fresh();
      await rows.insertMany([
        { _id: 1, a: 1 },
        { _id: 2, a: 1 },
      ]);
      const commands: readonly Document[] = [
        { update: rows.collectionName, updates: [{ q: { a: 1 }, u: { $set: { a: 2 } }, multi: true }] },
        { delete: rows.collectionName, deletes: [{ q: { a: 1 }, limit: 0 }] },
        { findAndModify: rows.collectionName, query: { a: 1 }, remove: true },
        { count: rows.collectionName, query: { a: 1 } },
        { aggregate: rows.collectionName, pipeline: [{ $match: { a: 1 } }], cursor: {} },
      ];
      const tops: string[] = [];
      for (const explain of commands) {
        const reply = await bench.db.command({ explain, verbosity: 'executionStats' });
        tops.push(String(stagesOf(reply)[0]?.['stage']));
      }
      assert.deepEqual(tops.slice(0, 2), ['UPDATE', 'DELETE']);
      assert.equal(await rows.countDocuments({ a: 1 }), 2);
    });
  });

  describe('TTL indexes', () => {
    it('are listed, and refused over several fields', async () => {
      const rows = bench.fresh();
      await rows.createIndex({ at: 1 }, { expireAfterSeconds: 60 }, {});
      const listed = (await rows.indexes()).find(({ name }) => name === 'at_1');
      assert.equal(Number(listed?.expireAfterSeconds), 60);
      assert.equal(await codeOf(rows.createIndex({ a: 1, b: 1 }, { expireAfterSeconds: 60 }, {})), 67);
      assert.equal(await codeOf(rows.createIndex({ c: 1 }, { expireAfterSeconds: -1 }, {})), 67);
    });

    it('change by collMod', bench.needs('collMod'), async () => {
      const rows = bench.fresh();
      await rows.createIndex({ at: 1 }, { expireAfterSeconds: 60 }, {});
      const index = { keyPattern: { at: 1 }, expireAfterSeconds: 90 };
      const reply = await bench.db.command({ collMod: rows.collectionName, index });
      assert.deepEqual([Number(reply['expireAfterSeconds_old']), Number(reply['expireAfterSeconds_new'])], [60, 90]);
      assert.equal(Number((await rows.indexes())[1]?.expireAfterSeconds), 90);
    });
  });

  describe('partial indexes', () => {
    it('hold only what matches them', async () => {
      const rows = bench.fresh();
      const options = { unique: true, partialFilterExpression: { live: true } };
      await rows.createIndex({ k: 1 }, options, {});
      await rows.insertMany([
        { _id: 1, k: 1, live: true },
        { _id: 2, k: 1, live: false },
        { _id: 3, k: 1 },
      ]);
      assert.equal(await codeOf(rows.insertOne({ _id: 4, k: 1, live: true })), 11000);
      assert.equal(await codeOf(rows.updateOne({ _id: 2 }, { $set: { live: true } })), 11000);
      await rows.updateOne({ _id: 1 }, { $set: { live: false } });
      await rows.updateOne({ _id: 2 }, { $set: { live: true } });
      assert.equal(await rows.countDocuments({ k: 1 }), 3);
      assert.equal(await rows.countDocuments({ k: 1, live: true }), 1);
    });
  });
}
