import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { Long, UUID, type Document } from 'mongodb';
import { startEngine, type RunningEngine } from '../../lib/embedded/index.ts';
import type { Clock } from '../../lib/kernel/clock.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { temporaryDirectory } from '../support/embedded-engine.ts';
import { WireClient } from './wire-client.ts';

const MINUTES = 60_000;

describe('a retryable write that comes twice', () => {
  let directory: string;
  let engine: RunningEngine;
  let client: WireClient;
  let now = 1_000_000_000_000;
  let lsid: { id: UUID };
  const clock: Clock = { now: () => now, monotonic: () => now };

  const start = async (): Promise<void> => {
    const socketPath = join(directory, 'engine.sock');
    engine = await startEngine({ file: join(directory, 'engine.sqlite'), socketPath, logger: silentLogger, clock });
    client = new WireClient(socketPath);
  };
  const ask = (command: Document, number: number): Promise<Document> =>
    client.ask({ ...command, $db: 't', lsid, txnNumber: Long.fromNumber(number) });
  const read = async (_id: number): Promise<Document | undefined> => {
    const { cursor } = await client.ask({ find: 'c', filter: { _id }, $db: 't' });
    return (cursor as { firstBatch: Document[] }).firstBatch[0];
  };

  before(async () => {
    directory = await temporaryDirectory('retry');
    await start();
  });
  after(async () => {
    client.close();
    await engine.close();
    await rm(directory, { recursive: true });
  });
  beforeEach(() => {
    lsid = { id: new UUID() };
  });

  it('inserts once, and goes on where it had stopped', async () => {
    const documents = [{ _id: 1 }, { _id: 2 }];
    const first = await ask({ insert: 'c', documents }, 1);
    assert.deepEqual(await ask({ insert: 'c', documents }, 1), first);
    // Another batch of the same number knows the first two statements and runs the third.
    const longer = await ask({ insert: 'c', documents: [...documents, { _id: 3 }] }, 1);
    assert.deepEqual([longer['n'], longer['writeErrors']], [3, undefined]);
    assert.ok(await read(3));
  });

  it('counts once', async () => {
    await ask({ insert: 'c', documents: [{ _id: 10, n: 0 }] }, 1);
    const update = { update: 'c', updates: [{ q: { _id: 10 }, u: { $inc: { n: 1 } } }] };
    const first = await ask(update, 2);
    assert.deepEqual(await ask(update, 2), first);
    assert.equal((await read(10))?.['n'], 1);
    await ask(update, 3);
    assert.equal((await read(10))?.['n'], 2);
  });

  it('upserts once and tells the same _id', async () => {
    const update = { update: 'c', updates: [{ q: { kind: 'once' }, u: { $inc: { n: 1 } }, upsert: true }] };
    const first = await ask(update, 1);
    assert.equal((first['upserted'] as Document[]).length, 1);
    assert.deepEqual(await ask(update, 1), first);
  });

  it('deletes once', async () => {
    await ask(
      {
        insert: 'c',
        documents: [
          { _id: 21, k: 'd' },
          { _id: 22, k: 'd' },
        ],
      },
      1,
    );
    const removal = { delete: 'c', deletes: [{ q: { k: 'd' }, limit: 1 }] };
    await ask(removal, 2);
    assert.equal((await ask(removal, 2))['n'], 1);
    assert.ok(await read(22));
  });

  it('finds and modifies once, with the same picture', async () => {
    await ask({ insert: 'c', documents: [{ _id: 30, n: 5 }] }, 1);
    const change = { findAndModify: 'c', query: { _id: 30 }, update: { $inc: { n: 1 } } };
    const first = await ask(change, 2);
    assert.equal((first['value'] as Document)['n'], 5);
    assert.deepEqual(await ask(change, 2), first);
    assert.equal((await read(30))?.['n'], 6);
  });

  it('runs a failed statement again, for its cause may be gone', async () => {
    await ask({ insert: 'c', documents: [{ _id: 40 }] }, 1);
    const other = { insert: 'c', documents: [{ _id: 41 }, { _id: 40 }] };
    const failed = await ask(other, 2);
    assert.deepEqual([failed['n'], (failed['writeErrors'] as Document[])[0]?.['code']], [1, 11000]);
    await ask({ delete: 'c', deletes: [{ q: { _id: 40 }, limit: 1 }] }, 3);
    lsid = { id: new UUID() };
    assert.equal((await ask({ insert: 'c', documents: [{ _id: 40 }] }, 1))['n'], 1);
  });

  it('is refused when a later one of its session has come', async () => {
    await ask({ insert: 'c', documents: [{ _id: 50 }] }, 7);
    assert.equal((await ask({ insert: 'c', documents: [{ _id: 51 }] }, 6))['code'], 225);
  });

  it('is still known after a restart, and for thirty minutes', async () => {
    await ask({ insert: 'c', documents: [{ _id: 60, n: 0 }] }, 1);
    const update = { update: 'c', updates: [{ q: { _id: 60 }, u: { $inc: { n: 1 } } }] };
    await ask(update, 2);
    client.close();
    await engine.close();
    await start();
    now += 29 * MINUTES;
    engine.sweep();
    await ask(update, 2);
    assert.equal((await read(60))?.['n'], 1);
    now += 60 * MINUTES;
    engine.sweep();
    await ask(update, 2);
    assert.equal((await read(60))?.['n'], 2);
  });
});
