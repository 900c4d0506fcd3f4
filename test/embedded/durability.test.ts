import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Binary, MongoClient, type Document } from 'mongodb';
import { startEngine } from '../../lib/embedded/index.ts';
import { socketUri } from '../../lib/embedded/server/start.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { temporaryDirectory } from '../support/embedded-engine.ts';

const ENTRY = fileURLToPath(new URL('../../lib/embedded/process/engine-process.ts', import.meta.url));
const ROUNDS = 3;
const WRITERS = 8;
/** Acknowledged writes of a round before its engine is killed. */
const ENOUGH = 60;

interface Row {
  readonly _id: Binary;
  readonly key: string;
  readonly data: Binary;
}

async function startChild(dataDir: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ENTRY, '--data-dir', dataDir], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  for (let tries = 0; tries < 500; tries++) {
    const socket = connect(join(dataDir, 'engine.sock'));
    const isUp = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isUp) return child;
    await delay(10);
  }
  throw new Error('the engine does not start');
}

describe('what is acknowledged', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await temporaryDirectory('durable');
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('outlives kill -9 in the middle of writes, with all its index entries', async (context) => {
    const dataDir = join(directory, 'data');
    const acknowledged = new Map<string, boolean>();
    const increments = { acknowledged: 0, unknown: 0 };
    let unanswered = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const child = await startChild(dataDir);
      // Without retries, so that what is unanswered stays so.
      const client = new MongoClient(socketUri(join(dataDir, 'engine.sock')), {
        retryWrites: false,
        serverSelectionTimeoutMS: 1000,
      });
      const rows = client.db('t').collection<Row>('rows');
      const counters = client.db('t').collection<{ _id: number; n: number }>('counters');
      await rows.createIndex({ key: 1 }, { unique: true }, {});
      await counters.updateOne({ _id: 1 }, { $setOnInsert: { n: 0 } }, { upsert: true });
      let isDead = false;
      let done = 0;
      const write = async (writer: number): Promise<void> => {
        for (let n = 0; !isDead; n++) {
          const key = `${round}-${writer}-${n}`;
          try {
            const row = { _id: new Binary(Buffer.from(key)), key, data: new Binary(Buffer.alloc((n % 5) * 700, n)) };
            acknowledged.set(key, false);
            await rows.insertOne(row);
            acknowledged.set(key, true);
            if (n % 3 === 0) {
              increments.unknown += 1;
              await counters.updateOne({ _id: 1 }, { $inc: { n: 1 } });
              increments.unknown -= 1;
              increments.acknowledged += 1;
            }
            done += 1;
          } catch {
            unanswered += 1;
            return;
          }
        }
      };
      const writers = Array.from({ length: WRITERS }, (_, writer) => write(writer));
      while (done < ENOUGH) await delay(2);
      child.kill('SIGKILL');
      await once(child, 'exit');
      isDead = true;
      await Promise.all(writers);
      await client.close();
    }
    const engine = await startEngine({ file: join(dataDir, 'engine.sqlite'), tcpPort: 0, logger: silentLogger });
    const client = new MongoClient(engine.uri);
    try {
      const rows = client.db('t').collection<Row>('rows');
      const found = new Map((await rows.find().toArray()).map((row) => [row.key, row]));
      const total = await rows.countDocuments({ key: { $gte: '' } }, { hint: 'key_1' });
      let kept = 0;
      for (const [key, isAcknowledged] of acknowledged) {
        const row = found.get(key);
        if (isAcknowledged) {
          assert.ok(row, `${key} was acknowledged`);
          kept += 1;
        }
        if (row === undefined) continue;
        const n = Number(key.split('-')[2]);
        assert.ok(Buffer.from(row.data.buffer).equals(Buffer.alloc((n % 5) * 700, n)), key);
        assert.deepEqual((await rows.findOne({ key }, { hint: 'key_1', projection: { key: 1 } }))?.key, key);
      }
      assert.equal(total, found.size);
      const count =
        (await client.db('t').collection<{ _id: number; n: number }>('counters').findOne({ _id: 1 }))?.n ?? 0;
      assert.ok(
        count >= increments.acknowledged && count <= increments.acknowledged + increments.unknown,
        `${count} increments`,
      );
      assert.ok(kept >= ROUNDS * ENOUGH && unanswered >= ROUNDS);
      context.diagnostic(
        `${ROUNDS} kills: ${kept} acknowledged and there, ${unanswered} unanswered, ${count} increments`,
      );
    } finally {
      await client.close();
      await engine.close();
    }
  });

  it('is committed in groups: many writers share one commit', async () => {
    const engine = await startEngine({ file: join(directory, 'engine.sqlite'), tcpPort: 0, logger: silentLogger });
    const client = new MongoClient(engine.uri, { maxPoolSize: 50, minPoolSize: 50 });
    try {
      const rows = client.db('t').collection<{ _id: number }>('rows');
      await rows.insertOne({ _id: -1 });
      const before = { ...engine.counters };
      await Promise.all(Array.from({ length: 500 }, (_, _id) => rows.insertOne({ _id })));
      const commits = engine.counters.commits - before.commits;
      assert.equal(engine.counters.writes - before.writes, 500);
      assert.ok(commits < 250, `${commits} commits for 500 writes`);
    } finally {
      await client.close();
      await engine.close();
    }
  });

  it('of a failed command takes no neighbour in its commit with it', async () => {
    const engine = await startEngine({ file: join(directory, 'engine.sqlite'), tcpPort: 0, logger: silentLogger });
    const client = new MongoClient(engine.uri, { maxPoolSize: 20, minPoolSize: 20 });
    try {
      const database = client.db('t');
      const rows = database.collection<{ _id: number; a: number }>('rows');
      // The first is built before the second fails, for two documents hold the same.
      const halfBad = (n: number): Document[] => [
        { key: { z: 1 }, name: `z${n}` },
        { key: { same: 1 }, name: `same${n}`, unique: true },
      ];
      await rows.createIndex({ a: 1 });
      await rows.insertMany(Array.from({ length: 50 }, (_, _id) => ({ _id, a: _id })));
      const results = await Promise.allSettled(
        Array.from({ length: 60 }, async (_, n) =>
          n % 2 === 0
            ? rows.insertOne({ _id: n, a: 0 })
            : database.command({ createIndexes: 'rows', indexes: halfBad(n) }),
        ),
      );
      const succeeded = results.flatMap(({ status }, n) => (status === 'fulfilled' ? [n] : []));
      assert.deepEqual(succeeded, [50, 52, 54, 56, 58]);
      assert.deepEqual(
        (await rows.indexes()).map(({ name }) => name),
        ['_id_', 'a_1'],
      );
      assert.equal(await rows.countDocuments(), 55);
    } finally {
      await client.close();
      await engine.close();
    }
  });

  it('belongs to one engine at a time', async () => {
    const file = join(directory, 'engine.sqlite');
    const engine = await startEngine({ file, tcpPort: 0, logger: silentLogger });
    await assert.rejects(startEngine({ file, tcpPort: 0, logger: silentLogger }), { name: 'OwnedElsewhereError' });
    await engine.close();
    const next = await startEngine({ file, tcpPort: 0, logger: silentLogger });
    await next.close();
  });
});
