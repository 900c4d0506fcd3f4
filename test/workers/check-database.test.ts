import assert from 'node:assert/strict';
import { it } from 'node:test';
import { inspectDatabase, openDatabase, planPreparation, runPreparationStep } from '../../lib/db/index.ts';
import { systemClock } from '../../lib/kernel/clock.ts';
import type { Logger } from '../../lib/kernel/logger.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { checkDatabase } from '../../workers/check-database.ts';
import { collections } from '../../workers/collections.ts';
import { startShardedCluster } from '../support/cluster/sharded-cluster.ts';
import { openTestDatabase } from '../support/database.ts';

it('the start says what eider db init would do, and is silent where nothing is missing', async () => {
  const cluster = await startShardedCluster({ routers: 1 });
  const database = await openDatabase({ uri: cluster.uri, name: 'eider' });
  const said: unknown[] = [];
  const logger: Logger = { ...silentLogger, warn: (fields: unknown) => void said.push(fields) };
  try {
    await checkDatabase(database, logger, systemClock);
    assert.match(JSON.stringify(said), /"create journal".*"shard journal"/);
    assert.equal(cluster.administered.length, 0);
    const found = await inspectDatabase(database, []);
    const { steps } = planPreparation(collections, found, { chunksPerShard: 1 });
    for (const step of steps) await runPreparationStep(database, step);
    said.length = 0;
    await checkDatabase(database, logger, systemClock);
    assert.deepEqual(said, []);
    await database.db.dropCollection('users');
    await database.client.db('admin').command({ shardCollection: 'eider.users', key: { username: 1 } });
    await database.db.createCollection('users');
    await assert.rejects(checkDatabase(database, logger, systemClock), /users is sharded by username instead of _id/);
  } finally {
    await database.close();
    await cluster.close();
  }
});

it(
  'the embedded engine needs nothing but a clock that agrees',
  { skip: process.env['EIDER_TEST_MONGODB'] !== undefined },
  async () => {
    const database = await openTestDatabase();
    try {
      const assertSilent = { ...silentLogger, warn: () => assert.fail('it said something') };
      await checkDatabase(database, assertSilent, systemClock);
      const said: unknown[] = [];
      const logger: Logger = { ...silentLogger, warn: (_: unknown, text?: string) => void said.push(text) };
      await checkDatabase(database, logger, { ...systemClock, now: () => systemClock.now() - 61 * 60_000 });
      assert.deepEqual(said, ['the clock of this machine is not that of the database: set it right']);
    } finally {
      await database.close();
    }
  },
);
