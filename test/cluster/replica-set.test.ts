import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import {
  MongoClient,
  MongoServerError,
  type CommandFailedEvent,
  type CommandStartedEvent,
  type CommandSucceededEvent,
} from 'mongodb';
import { registerDriverContract } from '../contracts/driver-contract.ts';
import { ReplicaSet, type Fault } from '../support/cluster/replica-set.ts';

registerDriverContract({
  name: 'a replica set',
  lacks: new Map(),
  open: async () => {
    const set = await ReplicaSet.start();
    return { uri: set.uri, close: () => set.close() };
  },
});

interface Row {
  _id: string;
  n: number;
}

describe('a replica set', () => {
  let set: ReplicaSet;
  let client: MongoClient;
  let named = 0;
  const attempts: string[] = [];
  const fresh = () => {
    named += 1;
    return client.db('mail').collection<Row>(`rows${String(named)}`);
  };
  /** The next write meets the fault, whatever comes again does not. */
  const once = (fault: Fault, name = 'insert'): void => {
    let isOver = false;
    set.onCommand = (seen) => {
      if (isOver || seen.name !== name) return undefined;
      isOver = true;
      return fault;
    };
  };

  before(async () => {
    set = await ReplicaSet.start();
    client = new MongoClient(set.uri, {
      writeConcern: { w: 'majority', journal: true },
      readConcern: { level: 'majority' },
      monitorCommands: true,
      serverSelectionTimeoutMS: 5000,
    });
    client.on('commandStarted', ({ commandName, address }: CommandStartedEvent) =>
      attempts.push(`${commandName} ${address}`),
    );
    client.on('commandFailed', ({ failure }: CommandFailedEvent) => attempts.push(failure.message));
    client.on('commandSucceeded', ({ reply }: CommandSucceededEvent) => {
      const { writeConcernError } = reply as { writeConcernError?: { codeName: string } };
      if (writeConcernError !== undefined) attempts.push(writeConcernError.codeName);
    });
    await client.connect();
  });
  afterEach(async () => {
    set.onCommand = () => undefined;
    await set.settled();
    attempts.length = 0;
  });
  after(async () => {
    await client.close();
    await set.close();
  });

  const retried: readonly Fault[] = [
    { kind: 'error', code: 10107, at: 'before' },
    { kind: 'error', code: 11602, at: 'before' },
    { kind: 'error', code: 189, at: 'kept' },
    { kind: 'error', code: 11602, at: 'rolled-back' },
    { kind: 'error', code: 91, at: 'kept' },
    { kind: 'cut', at: 'before' },
    { kind: 'cut', at: 'after' },
    { kind: 'step-down', at: 'before' },
    { kind: 'step-down', at: 'kept' },
    { kind: 'step-down', at: 'rolled-back' },
    { kind: 'kill', at: 'before' },
    { kind: 'kill', at: 'kept' },
    { kind: 'kill', at: 'rolled-back' },
  ];
  for (const fault of retried) {
    it(`a driver gets over ${JSON.stringify(fault)} by trying again, and writes once`, async () => {
      const rows = fresh();
      await rows.insertOne({ _id: 'counter', n: 0 });
      once(fault, 'update');
      await rows.updateOne({ _id: 'counter' }, { $inc: { n: 1 } });
      assert.equal((await rows.findOne({ _id: 'counter' }))?.n, 1);
      assert.equal(attempts.filter((name) => name.startsWith('update')).length, 2, attempts.join('\n'));
    });
  }

  it('a write that no majority has is seen by local reads alone, and is gone after a rollback', async () => {
    const rows = fresh();
    await rows.insertOne({ _id: 'kept', n: 1 });
    set.stallReplication();
    const waiting = rows.insertOne({ _id: 'lost', n: 1 }, { writeConcern: { w: 'majority', wtimeoutMS: 60 } });
    await assert.rejects(waiting, (error: unknown) => error instanceof MongoServerError && error.code === 64);
    assert.equal(await rows.findOne({ _id: 'lost' }), null);
    const local = client.db('mail').collection<Row>(rows.collectionName, { readConcern: { level: 'local' } });
    assert.equal((await local.findOne({ _id: 'lost' }))?.n, 1);
    await set.stepDown('rolled-back');
    assert.equal(await local.findOne({ _id: 'lost' }), null);
    assert.equal((await rows.findOne({ _id: 'kept' }))?.n, 1);
  });

  it('a duplicate of what is not replicated is told only when it is for good', async () => {
    const rows = fresh();
    await rows.insertOne({ _id: 'first', n: 1 });
    set.stallReplication();
    const first = rows.insertOne({ _id: 'x', n: 1 }, { writeConcern: { w: 'majority', wtimeoutMS: 40 } });
    await assert.rejects(first);
    const second = rows.insertOne({ _id: 'x', n: 2 }).catch(() => undefined);
    await set.stepDown('rolled-back');
    await second;
    await rows.insertOne({ _id: 'x', n: 3 }).catch(() => undefined);
    assert.ok([2, 3].includes((await rows.findOne({ _id: 'x' }))?.n ?? 0));
  });

  it('a time-out of the write concern is no error that drivers try again', async () => {
    const rows = fresh();
    await rows.insertOne({ _id: 'a', n: 1 });
    once({ kind: 'concern-timeout', fate: 'rolled-back' });
    await assert.rejects(rows.insertOne({ _id: 'b', n: 1 }), { code: 64 });
    await set.settled();
    assert.equal(await rows.findOne({ _id: 'b' }), null);
    once({ kind: 'concern-timeout', fate: 'kept' });
    await assert.rejects(rows.insertOne({ _id: 'c', n: 1 }), { code: 64 });
    await set.settled();
    assert.equal((await rows.findOne({ _id: 'c' }))?.n, 1);
  });

  it('secondaries answer reads only where that is allowed, and no writes', async () => {
    const rows = fresh();
    await rows.insertOne({ _id: 'a', n: 1 });
    const address = set.uri.slice('mongodb://'.length).split('/')[0]?.split(',') ?? [];
    const codes: unknown[] = [];
    for (const host of address) {
      const direct = new MongoClient(`mongodb://${host}/?directConnection=true`);
      try {
        const collection = direct.db('mail').collection<Row>(rows.collectionName);
        assert.equal((await collection.findOne({ _id: 'a' }, { readPreference: 'secondaryPreferred' }))?.n, 1);
        await collection.insertOne({ _id: `by ${host}`, n: 1 }, { writeConcern: { w: 1 } });
        codes.push(0);
      } catch (error) {
        codes.push((error as MongoServerError).code);
      } finally {
        await direct.close();
      }
    }
    assert.deepEqual(codes.sort(), [0, 10107, 10107]);
  });

  it('goes on while there is no primary for a while', async () => {
    const rows = fresh();
    set.electionMs = 100;
    await rows.insertOne({ _id: 'a', n: 1 });
    const stepping = set.stepDown('kept');
    await rows.insertOne({ _id: 'b', n: 1 });
    await stepping;
    set.electionMs = 0;
    assert.equal(await rows.countDocuments({ _id: { $in: ['a', 'b'] } }), 2);
  });

  it('reads are tried again too, and cursors end with their primary', async () => {
    const rows = fresh();
    await rows.insertMany(Array.from({ length: 60 }, (_, n) => ({ _id: String(n), n })));
    once({ kind: 'error', code: 11602, at: 'before' }, 'find');
    assert.equal((await rows.find({}).toArray()).length, 60);
    const cursor = rows.find({}, { batchSize: 10 });
    await cursor.next();
    await set.stepDown('kept');
    await assert.rejects(cursor.toArray());
  });
});
