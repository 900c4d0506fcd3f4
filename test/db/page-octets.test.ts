import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { CommandSucceededEvent } from 'mongodb';
import { compareDatabases, openDatabaseCopy, openRawDocuments, type Database } from '../../lib/db/index.ts';
import { openTestDatabase } from '../support/database.ts';

/** An attachment of 40 MB in chunks as GridFS cuts them. */
const CHUNK_OCTETS = 255 * 1024;
const CHUNKS = 157;
const SMALL = 5000;
const MIB = 1024 * 1024;

/** What the server sends of documents. */
class Replies {
  octets = 0;
  largest = 0;
  commands = 0;

  constructor({ client }: Database) {
    client.on('commandSucceeded', ({ reply }: CommandSucceededEvent) => {
      const cursor = (reply as { cursor?: { firstBatch?: unknown[]; nextBatch?: unknown[] } }).cursor;
      const batch = cursor?.firstBatch ?? cursor?.nextBatch;
      if (batch === undefined) return;
      const octets = batch.reduce((sum: number, one) => sum + (Buffer.isBuffer(one) ? one.length : 0), 0);
      this.commands += 1;
      this.octets += octets;
      this.largest = Math.max(this.largest, octets);
    });
  }

  reset(): void {
    this.octets = this.largest = this.commands = 0;
  }
}

describe('documents that are read a page at a time', () => {
  let source: Database;
  let replies: Replies;
  before(async () => {
    source = await openTestDatabase({ monitorCommands: true });
    replies = new Replies(source);
    const data = Buffer.alloc(CHUNK_OCTETS, 7);
    for (let n = 0; n < CHUNKS; n += 20)
      await source
        .collection('chunks')
        .insertMany(Array.from({ length: Math.min(20, CHUNKS - n) }, (_, own) => ({ _id: key(n + own), data })));
    const rows = Array.from({ length: SMALL }, (_, n) => ({ _id: key(n), octets: Buffer.alloc(100) }));
    await source.collection('small').insertMany(rows);
  });
  after(() => source.close());

  const assertBounded = ({ octets, largest, commands }: Replies, mib: number): void => {
    // A page that turns out too large lets go what is left of it.
    assert.ok(octets < 1.1 * (CHUNKS * CHUNK_OCTETS + SMALL * 150), `${String(octets)} octets were sent`);
    assert.ok(largest <= mib * MIB, `${String(largest)} octets came together`);
    assert.ok(commands < 120, `${String(commands)} commands`);
  };

  it('are asked for by octets: a copy reads chunks hardly more than once, a few MiB at a time', async () => {
    const target = await openTestDatabase({ monitorCommands: true });
    try {
      replies.reset();
      const copy = await openDatabaseCopy(source, target, 'source');
      await copy.run(() => undefined);
      assertBounded(replies, 2);
      replies.reset();
      const there = new Replies(target);
      await compareDatabases(source, target, { onDifference: () => assert.fail('they differ'), isStill: true });
      assertBounded(replies, 2);
      assertBounded(there, 2);
    } finally {
      await target.close();
    }
  });

  it('are so in a range', async () => {
    replies.reset();
    let documents = 0;
    const range = { from: Buffer.alloc(4), to: Buffer.alloc(4, 255) };
    for (const name of ['chunks', 'small'])
      for await (const raw of openRawDocuments(source, name).read(range)) documents += raw.length > 0 ? 1 : 0;
    assert.equal(documents, CHUNKS + SMALL);
    assertBounded(replies, 4);
  });
});

function key(n: number): never {
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(n);
  return octets as never;
}
