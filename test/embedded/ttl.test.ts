import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { MongoClient, type Collection, type Db } from 'mongodb';
import { startEngine, type RunningEngine } from '../../lib/embedded/index.ts';
import type { Clock } from '../../lib/kernel/clock.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { temporaryDirectory } from '../support/embedded-engine.ts';

interface Row {
  _id: number;
  at?: unknown;
  live?: boolean;
}

describe('TTL indexes', () => {
  let directory: string;
  let engine: RunningEngine;
  let client: MongoClient;
  let db: Db;
  let now = 1_700_000_000_000;
  const clock: Clock = { now: () => now, monotonic: () => performance.now() };
  const start = async (): Promise<void> => {
    engine = await startEngine({ file: join(directory, 'engine.sqlite'), tcpPort: 0, logger: silentLogger, clock });
    client = await new MongoClient(engine.uri).connect();
    db = client.db('ttl');
  };
  const stop = async (): Promise<void> => {
    await client.close();
    await engine.close();
  };

  before(async () => {
    directory = await temporaryDirectory('ttl');
    await start();
  });
  after(async () => {
    await stop();
    await rm(directory, { recursive: true });
  });

  /** Sweeps, and waits for what that makes of the collection. */
  const left = async (rows: Collection<Row>): Promise<number[]> => {
    engine.sweep();
    // Each of these waits for the commit of what was swept before it.
    for (let n = 0; n < 8; n++) await db.collection('other').insertOne({});
    return (await rows.find({}, { sort: { _id: 1 } }).toArray()).map(({ _id }) => _id);
  };
  const ago = (seconds: number): Date => new Date(now - seconds * 1000);

  it('delete what is older, by the earliest date, and nothing that is no date', async () => {
    const rows = db.collection<Row>('plain');
    await rows.createIndex({ at: 1 }, { expireAfterSeconds: 60 }, {});
    await rows.insertMany([
      { _id: 1, at: ago(61) },
      { _id: 2, at: ago(59) },
      { _id: 3, at: [ago(1), ago(100)] },
      { _id: 4, at: [ago(1), 'text'] },
      { _id: 5, at: 0 },
      { _id: 6, at: null },
      { _id: 7 },
      { _id: 8, at: new Date(-5) },
    ]);
    assert.deepEqual(await left(rows), [2, 4, 5, 6, 7]);
    now += 2000;
    assert.deepEqual(await left(rows), [4, 5, 6, 7]);
  });

  it('of a partial and a descending kind delete only what they hold', async () => {
    const rows = db.collection<Row>('partial');
    const options = { expireAfterSeconds: 10, partialFilterExpression: { live: false } };
    await rows.createIndex({ at: -1 }, options, {});
    await rows.insertMany([
      { _id: 1, at: ago(11), live: false },
      { _id: 2, at: ago(11), live: true },
      { _id: 3, at: ago(9), live: false },
    ]);
    assert.deepEqual(await left(rows), [2, 3]);
  });

  it('change their time, also across a restart', async () => {
    const rows = db.collection<Row>('changed');
    await rows.createIndex({ at: 1 }, { expireAfterSeconds: 1000 }, {});
    await rows.insertOne({ _id: 1, at: ago(500) });
    assert.deepEqual(await left(rows), [1]);
    await db.command({ collMod: 'changed', index: { name: 'at_1', expireAfterSeconds: 400 } });
    await stop();
    await start();
    const again = db.collection<Row>('changed');
    assert.equal((await again.indexes())[1]?.expireAfterSeconds, 400);
    assert.deepEqual(await left(again), []);
  });

  it('delete in batches, each with a commit of its own', async () => {
    const rows = db.collection<Row>('many');
    await rows.createIndex({ at: 1 }, { expireAfterSeconds: 0 }, {});
    await rows.insertMany(Array.from({ length: 350 }, (_, _id) => ({ _id, at: ago(1) })));
    const { commits } = engine.counters;
    assert.deepEqual(await left(rows), []);
    assert.ok(engine.counters.commits - commits >= 4);
  });

  it('are refused for other seconds under their name, and over _id', async () => {
    const rows = db.collection<Row>('refused');
    await rows.createIndex({ at: 1 }, { expireAfterSeconds: 5 }, {});
    const codeOf = (seconds: number, key: 'at' | '_id'): Promise<unknown> =>
      rows
        .createIndex({ [key]: 1 }, { expireAfterSeconds: seconds }, {})
        .catch((error: unknown) => (error as { code: number }).code);
    assert.equal(await codeOf(6, 'at'), 85);
    assert.equal(await codeOf(6, '_id'), 197);
  });
});
