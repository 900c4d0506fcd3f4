import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { MongoClient, type Db } from 'mongodb';
import { registerDriverContract } from '../contracts/driver-contract.ts';
import { EVERY_ROW } from '../support/every-row.ts';
import { startShardedCluster, type ShardedCluster } from '../support/cluster/sharded-cluster.ts';

registerDriverContract({
  name: 'a sharded cluster',
  lacks: new Map(),
  // A command of one's own goes to any router, and getMore has to go to one.
  open: () => startShardedCluster({ routers: 1 }),
});

describe('a sharded cluster', () => {
  let cluster: ShardedCluster;
  let client: MongoClient;
  let db: Db;
  const rows = () => db.collection<{ _id: string; n?: number }>('rows');

  before(async () => {
    cluster = await startShardedCluster();
    client = new MongoClient(cluster.uri);
    db = client.db('mail');
    await rows().createIndex({ n: 1 }, { name: 'n' }, {});
    await db.admin().command({ shardCollection: 'mail.rows', key: { _id: 1 } });
  });
  after(async () => {
    await client.close();
    await cluster.close();
  });

  it('refuses what names no shard', async () => {
    await rows().insertOne({ _id: 'a', n: 1 });
    assert.equal((await rows().findOne({ _id: 'a' }))?.n, 1);
    await assert.rejects(rows().findOne({ n: 1 }), { code: 61 });
    await assert.rejects(rows().updateOne({ n: 1 }, { $set: { n: 2 } }), { code: 72 });
    await assert.rejects(rows().deleteOne({ n: 1 }), { code: 72 });
    await assert.rejects(rows().findOneAndDelete({ n: 1 }), { code: 61 });
    await assert.rejects(rows().updateOne({ n: 1 }, { $set: { n: 2 } }, { upsert: true }), { code: 72 });
    await assert.rejects(rows().createIndex({ n: -1 }, { unique: true }, {}), { code: 67 });
    assert.deepEqual(await rows().findOne({ _id: 'a' }), { _id: 'a', n: 1 });
  });

  it('lets pass what a test asks of every shard, and nothing that is refused for another reason', async () => {
    const routed = cluster.routed.length;
    assert.equal(await rows().countDocuments(EVERY_ROW), 1);
    assert.equal((await rows().updateMany({ ...EVERY_ROW, n: 1 }, { $set: { n: 1 } })).matchedCount, 1);
    assert.equal((await rows().find(EVERY_ROW).toArray()).length, 1);
    assert.equal((await rows().deleteMany({ ...EVERY_ROW, n: 5 })).deletedCount, 0);
    assert.equal(cluster.routed.length, routed);
    await assert.rejects(rows().deleteOne({ ...EVERY_ROW, n: 1 }), { code: 72 });
    await assert.rejects(rows().find({ $comment: 'another' }).toArray(), { code: 61 });
  });

  it('will not be sharded where a unique index stands in the way, nor by another key than before', async () => {
    await db.collection('other').createIndex({ n: 1 }, { unique: true }, {});
    await assert.rejects(db.admin().command({ shardCollection: 'mail.other', key: { _id: 1 } }), { code: 72 });
    await db.admin().command({ shardCollection: 'mail.rows', key: { _id: 1 } });
    await assert.rejects(db.admin().command({ shardCollection: 'mail.rows', key: { n: 1 } }), { code: 23 });
  });

  it('splits chunks, moves them, and says where they are', async () => {
    await db.admin().command({ split: 'mail.rows', middle: { _id: 'm' } });
    await assert.rejects(db.admin().command({ split: 'mail.rows', middle: { _id: 'm' } }), { code: 2 });
    await db.admin().command({ moveRange: 'mail.rows', min: { _id: 'm' }, toShard: 'shard2' });
    const config = client.db('config');
    const known = await config.collection<{ _id: string; uuid: unknown }>('collections').findOne({ _id: 'mail.rows' });
    const chunks = await config.collection('chunks').find({ uuid: known?.uuid }).toArray();
    assert.deepEqual(
      chunks.map(({ shard }) => shard as string),
      ['shard0', 'shard2'],
    );
  });

  it('goes on with a cursor at the router that opened it', async () => {
    await rows().insertMany(Array.from({ length: 250 }, (_, n) => ({ _id: `b${String(n)}` })));
    const found = await rows()
      .find({ _id: { $gte: 'b', $lt: 'c' } }, { batchSize: 20 })
      .toArray();
    assert.equal(found.length, 250);
    const cursor = rows().find({ _id: { $gte: 'b', $lt: 'c' } }, { batchSize: 20 });
    await cursor.next();
    const id = cursor.id;
    let strangers = 0;
    for (const address of cluster.uri.slice('mongodb://'.length, -1).split(',')) {
      const one = new MongoClient(`mongodb://${address}/?directConnection=true`);
      const asking = one.db('mail').command({ getMore: id, collection: 'rows', batchSize: 1 });
      await asking.catch((error: unknown) => {
        if (String(error).includes('not this router')) strangers += 1;
      });
      await one.close();
    }
    assert.equal(strangers, 1);
    await cursor.close();
  });
});
