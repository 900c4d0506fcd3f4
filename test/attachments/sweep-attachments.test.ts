import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { ObjectId } from 'mongodb';
import { createAttachments, type AttachmentsRoom, type AttachmentSweepReport } from '../../lib/attachments/index.ts';
import type { Database } from '../../lib/db/index.ts';
import { collect, movableClock } from '../messages/message-room.ts';
import { openTestDatabase } from '../support/database.ts';
import { idOf, newOwner, sourceOf } from './attachment-room.ts';
import { EVERY_ROW } from '../support/every-row.ts';

const TOKEN = Buffer.from('token-01');
const HOUR_MS = 60 * 60 * 1000;

describe('the sweep of attachments', () => {
  const clock = movableClock();
  let database: Database;
  let attachments: AttachmentsRoom;
  before(async () => {
    database = await openTestDatabase();
    attachments = createAttachments({ database, clock });
  });
  after(() => database.close());

  /** Messages are all there unless told. */
  const sweep = (
    options: { delayMs?: number; graceMs?: number; exist?: boolean } = {},
  ): Promise<AttachmentSweepReport> => {
    const { exist = true, ...delays } = options;
    return attachments.sweep.run({ ...delays, exist: async (owners) => owners.map(() => exist) });
  };
  const count = (name: string): Promise<number> => database.db.collection(name).countDocuments(EVERY_ROW);

  it('condemns first and deletes an hour later', async () => {
    const octets = randomBytes(300_000);
    const owner = newOwner();
    await attachments.keep(owner, TOKEN, [sourceOf(octets)]);
    assert.deepEqual(await sweep(), { refs: 0, condemned: 0, attachments: 0, files: 0 });
    await attachments.release(owner, TOKEN, [idOf(octets)]);
    assert.deepEqual(await sweep(), { refs: 0, condemned: 1, attachments: 0, files: 0 });
    clock.advance(HOUR_MS - 1);
    assert.equal((await sweep()).attachments, 0);
    clock.advance(1);
    assert.deepEqual(await sweep(), { refs: 0, condemned: 0, attachments: 1, files: 0 });
    for (const name of ['attachments', 'attachmentRefs', 'attachmentFiles.files', 'attachmentFiles.chunks']) {
      assert.equal(await count(name), 0, name);
    }
  });

  it('lifts the condemnation of what is needed again', async () => {
    const octets = randomBytes(1000);
    const owner = newOwner();
    await attachments.keep(owner, TOKEN, [sourceOf(octets)]);
    await attachments.release(owner, TOKEN, [idOf(octets)]);
    await sweep();
    const again = sourceOf(octets);
    await attachments.keep(newOwner(), TOKEN, [again]);
    assert.equal(again.reads, 0);
    clock.advance(2 * HOUR_MS);
    assert.deepEqual(await sweep({ delayMs: 0 }), { refs: 0, condemned: 0, attachments: 0, files: 0 });
    assert.ok((await collect((await attachments.open(idOf(octets))).read(0, Infinity))).equals(octets));
  });

  it('leaves refs that another writer has renewed', async () => {
    const octets = randomBytes(1000);
    const owner = newOwner();
    await attachments.keep(owner, TOKEN, [sourceOf(octets)]);
    await attachments.keep(owner, Buffer.from('token-02'), [sourceOf(octets)]);
    await attachments.release(owner, TOKEN, [idOf(octets)]);
    assert.deepEqual(await attachments.hasRefs(owner, [idOf(octets)]), [true]);
  });

  it('removes refs whose message never came to be, once they are old', async () => {
    const octets = randomBytes(1000);
    const owner = newOwner();
    await attachments.keep(owner, TOKEN, [sourceOf(octets)]);
    await sweep({ delayMs: 0, exist: false });
    assert.deepEqual(await attachments.hasRefs(owner, [idOf(octets)]), [true], 'its writer may still be at work');
    clock.advance(HOUR_MS);
    await sweep({ delayMs: 0, exist: false });
    await assert.rejects(attachments.open(idOf(octets)), { code: 'attachment-not-found' });
  });

  it('removes files and chunks that nothing names, once they are old', async () => {
    clock.advance(HOUR_MS);
    await sweep({ delayMs: 0, exist: false });
    const stray = (): ObjectId => {
      const id = randomBytes(12);
      id.writeUInt32BE(Math.floor(clock.now() / 1000), 8);
      return new ObjectId(id);
    };
    const chunks = database.db.collection('attachmentFiles.chunks');
    const files = database.db.collection<{ _id: ObjectId }>('attachmentFiles.files');
    const [withFile, without] = [stray(), stray()];
    await chunks.insertMany([withFile, without].map((id) => ({ files_id: id, n: 0, data: Buffer.from('x') })));
    await files.insertOne({
      _id: withFile,
      length: 1,
      chunkSize: 261120,
      uploadDate: new Date(0),
      filename: idOf(Buffer.from('x')),
    } as never);
    assert.equal((await sweep()).files, 0);
    clock.advance(HOUR_MS);
    assert.equal((await sweep()).files, 2);
    assert.equal(await chunks.countDocuments(EVERY_ROW), 0);
  });

  it('at full speed never takes what is being kept again', async () => {
    const octets = randomBytes(40_000);
    const nodes = Array.from({ length: 3 }, () => createAttachments({ database, clock }));
    let isDone = false;
    let runs = 0;
    const sweeping = (async () => {
      while (!isDone) {
        await sweep({ delayMs: 0 });
        runs += 1;
      }
    })();
    let rounds = 0;
    await Promise.all(
      nodes.map(async (node, number) => {
        for (let round = 0; round < 60; round += 1) {
          const owner = newOwner();
          const token = Buffer.from(`token-${number}`);
          await node.keep(owner, token, [sourceOf(octets)]);
          // Past all caches.
          const stored = await createAttachments({ database, clock, cacheOctets: 0 }).open(idOf(octets));
          assert.ok((await collect(stored.read(0, Infinity))).equals(octets), 'kept, so readable');
          await node.release(owner, token, [idOf(octets)]);
          rounds += 1;
        }
      }),
    );
    isDone = true;
    await sweeping;
    assert.equal(rounds, 180);
    assert.ok(runs > 3, `${runs} sweeps`);
    await sweep({ delayMs: 0 });
    await assert.rejects(attachments.open(idOf(octets)), { code: 'attachment-not-found' });
  });
});
