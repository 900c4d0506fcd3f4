import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import {
  inspectDatabase,
  openDatabase,
  planPreparation,
  runPreparationStep,
  stepText,
  type CollectionLayout,
  type Database,
} from '../../lib/db/index.ts';
import { collections } from '../../workers/collections.ts';
import { ReplicaSet } from '../support/cluster/replica-set.ts';
import { startShardedCluster, type ShardedCluster } from '../support/cluster/sharded-cluster.ts';
import { openTestDatabase } from '../support/database.ts';
import { runEider } from '../support/eider-command.ts';
import { makeDataDir } from '../support/server-process.ts';

const NAMES = collections.map(({ name }) => name);
const SHARDED = collections.filter(({ keys }) => keys.kind !== 'few');
const chunksPerShard = 4;

const plan = async (database: Database, layouts = collections) =>
  planPreparation(layouts, await inspectDatabase(database, NAMES), { chunksPerShard });

async function prepare(database: Database, most = Infinity): Promise<number> {
  const { steps, problems } = await plan(database);
  assert.deepEqual(problems, []);
  const some = steps.slice(0, most);
  for (const step of some) await runPreparationStep(database, step);
  return some.length;
}

describe('eider db init on a sharded cluster', () => {
  let cluster: ShardedCluster;
  let database: Database;

  beforeEach(async () => {
    cluster = await startShardedCluster({ shards: 3 });
    database = await openDatabase({ uri: cluster.uri, name: 'eider' });
  });
  afterEach(async () => {
    await database.close();
    await cluster.close();
  });

  const isPrepared = (): void => {
    for (const { name, shardKey, keys } of SHARDED) {
      const found = cluster.metadata.find(`eider.${name}`);
      assert.deepEqual(found?.key, shardKey, name);
      const counts = new Map(cluster.metadata.shards.map((shard) => [shard, 0]));
      for (const { shard } of found.chunks) counts.set(shard, (counts.get(shard) ?? 0) + 1);
      const pieces = keys.kind === 'names' ? [0, 0, 1] : [4, 4, 4];
      assert.deepEqual([...counts.values()].sort(), pieces, name);
      assert.match(JSON.stringify(cluster.created.get(`eider.${name}`)), /block_compressor=zstd/);
    }
  };

  it('makes, compresses, shards, splits and spreads every collection, and has nothing to do then', async () => {
    assert.ok((await prepare(database)) > 100);
    isPrepared();
    assert.equal(await prepare(database), 0);
    assert.equal(cluster.metadata.find('eider.jobs'), undefined);
  });

  it('goes on where it was stopped', async () => {
    for (let done = 1; done > 0;) done = await prepare(database, 17);
    isPrepared();
  });

  it('leaves alone what has grown or was split otherwise', async () => {
    await prepare(database);
    await database.client.db('admin').command({ split: 'eider.users', middle: { _id: '1234' } });
    await database.collection<{ _id: string }>('usernames').insertOne({ _id: 'somebody' });
    const fresh = planPreparation(collections, await inspectDatabase(database, NAMES), { chunksPerShard: 8 });
    const touched = new Set(fresh.steps.map(({ collection }) => collection));
    assert.ok(!touched.has('users') && !touched.has('usernames') && touched.has('journal'));
  });

  it('names what it cannot mend, and does nothing', async () => {
    await prepare(database);
    const other: CollectionLayout[] = collections.map((layout) =>
      layout.name === 'journal' ? { ...layout, shardKey: ['at'] } : layout,
    );
    assert.match((await plan(database, other)).problems.join(), /journal is sharded by _id instead of at/);
  });

  it('is a command that shows what it would do, does it, and says that nothing is missing', async () => {
    const data = await makeDataDir();
    const settings = ['--data-dir', data.path, '--set', `database.uri=${cluster.uri}`];
    try {
      const dry = await runEider(['db', 'init', '--dry-run', ...settings]);
      assert.equal(dry.code, 1, dry.stderr);
      assert.match(dry.stdout, /use admin; db.runCommand\(\{"shardCollection":"eider.messages","key":\{"_id":1\}/);
      assert.match(dry.stdout, /cluster of 3 shards: \d+ commands to be run\n$/);
      assert.deepEqual(cluster.administered, []);
      const run = await runEider(['db', 'init', ...settings]);
      assert.equal(run.code, 0, run.stderr);
      assert.equal(run.stdout.replace(' run\n', ''), dry.stdout.replace(' to be run\n', ''));
      isPrepared();
      const again = await runEider(['db', 'init', '--dry-run', ...settings]);
      assert.deepEqual([again.code, again.stdout], [0, 'a cluster of 3 shards: nothing is missing\n']);
      const wrong = await runEider(['db', 'init', '--chunks-per-shard', 'x', ...settings]);
      assert.equal(wrong.code, 1);
    } finally {
      await data.remove();
    }
  });
});

describe('eider db init elsewhere', () => {
  const makesIndexes = async (database: Database): Promise<void> => {
    assert.ok((await prepare(database)) >= collections.length);
    assert.equal(await prepare(database), 0);
    const { collections: found } = await inspectDatabase(database, NAMES);
    for (const { name, indexes } of collections) {
      const names = found.get(name)?.indexes.map((index) => index.name) ?? [];
      for (const index of indexes) assert.ok(names.includes(index.name), `${name} ${index.name}`);
    }
  };

  it('makes collections and indexes on the embedded engine', async () => {
    const database = await openTestDatabase();
    try {
      assert.equal((await inspectDatabase(database, NAMES)).kind, 'embedded');
      await makesIndexes(database);
    } finally {
      await database.close();
    }
  });

  const documentDb = process.env['EIDER_TEST_DOCDB'];
  it('makes them on DocumentDB', { skip: documentDb === undefined }, async () => {
    const name = `init-${randomBytes(5).toString('hex')}`;
    const database = await openDatabase({ uri: documentDb ?? '', name });
    try {
      await makesIndexes(database);
    } finally {
      await database.db.dropDatabase();
      await database.close();
    }
  });

  describe('on a replica set', () => {
    let set: ReplicaSet;
    let database: Database;
    before(async () => {
      set = await ReplicaSet.start();
      database = await openDatabase({ uri: set.uri, name: 'eider' });
    });
    after(async () => {
      await database.close();
      await set.close();
    });

    it('asks for compression, and shards nothing', async () => {
      const found = await inspectDatabase(database, NAMES);
      assert.equal(found.kind, 'replica-set');
      const { steps } = planPreparation(collections, found, { chunksPerShard });
      assert.deepEqual(new Set(steps.map(({ kind }) => kind)), new Set(['create', 'index']));
      assert.match(stepText(steps[0] ?? assert.fail()), /"create":"journal".*block_compressor=zstd.*majority/);
    });
  });

  it('will have nothing to do with a single mongod', () => {
    const found = { kind: 'standalone', name: 'x', shards: [], collections: new Map() } as const;
    assert.equal(planPreparation(collections, found, { chunksPerShard }).problems.length, 1);
  });
});
