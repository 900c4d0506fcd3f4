import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { GridFSBucket } from 'mongodb';
import { createAttachments, type AttachmentsRoom } from '../../lib/attachments/index.ts';
import { FRAME_OCTETS } from '../../lib/attachments/attachment-frames.ts';
import { AttachmentKeeper } from '../../lib/attachments/keep-attachments.ts';
import type { Database } from '../../lib/db/index.ts';
import { systemClock } from '../../lib/kernel/clock.ts';
import { collect } from '../messages/message-room.ts';
import { openTestDatabase } from '../support/database.ts';
import { idOf, newOwner, retryingCollections, sourceOf } from './attachment-room.ts';
import { EVERY_ROW } from '../support/every-row.ts';

const TOKEN = Buffer.from('token-01');

/** Text that compresses, of any length. */
function textOf(octets: number): Buffer {
  return Buffer.from(
    Array.from({ length: octets / 16 + 1 }, (_, line) => `line ${line} of a text\n`).join(''),
  ).subarray(0, octets);
}

describe('attachments', () => {
  let database: Database;
  let attachments: AttachmentsRoom;
  before(async () => {
    database = await openTestDatabase();
    attachments = createAttachments({ database, clock: systemClock });
  });
  after(() => database.close());

  const count = (name: string): Promise<number> => database.db.collection(name).countDocuments(EVERY_ROW);

  it('keeps octets and gives any range of them', async () => {
    for (const octets of [
      Buffer.from('x'),
      randomBytes(FRAME_OCTETS - 1),
      randomBytes(FRAME_OCTETS),
      randomBytes(FRAME_OCTETS + 1),
      textOf(FRAME_OCTETS),
      textOf(FRAME_OCTETS * 5 + 17),
      randomBytes(FRAME_OCTETS * 4 + 3),
    ]) {
      await attachments.keep(newOwner(), TOKEN, [sourceOf(octets)]);
      const stored = await attachments.open(idOf(octets));
      assert.equal(stored.size, octets.length);
      assert.ok((await collect(stored.read(0, Infinity))).equals(octets));
      for (let round = 0; round < 20; round += 1) {
        const start = Math.floor(Math.random() * octets.length);
        const end = start + Math.floor(Math.random() * FRAME_OCTETS * 2);
        assert.ok((await collect(stored.read(start, end))).equals(octets.subarray(start, end)));
      }
      assert.equal((await collect(stored.read(octets.length, octets.length + 1))).length, 0);
    }
  });

  it('writes files that any GridFS driver reads', async () => {
    const octets = randomBytes(FRAME_OCTETS * 2 + 100);
    await attachments.keep(newOwner(), TOKEN, [sourceOf(octets, 'image/jpeg')]);
    const bucket = new GridFSBucket(database.db, { bucketName: 'attachmentFiles' });
    const [file] = await bucket.find({ ...EVERY_ROW, filename: idOf(octets) }).toArray();
    assert.ok(file);
    assert.ok((await collect(bucket.openDownloadStream(file._id))).equals(octets));
  });

  it('compresses where type and sample say that it pays', async () => {
    const row = async (octets: Buffer, type: string): Promise<unknown> => {
      await attachments.keep(newOwner(), TOKEN, [sourceOf(octets, type)]);
      const document = await database.db.collection('attachments').findOne({ _id: Buffer.from(idOf(octets), 'hex') });
      return document?.['compression'];
    };
    assert.equal(await row(textOf(50_000), 'text/plain'), 'zstd');
    assert.equal(await row(textOf(50_001), 'image/jpeg'), 'none');
    assert.equal(await row(randomBytes(50_000), 'text/plain'), 'none');
  });

  it('is kept once however many messages have it', async () => {
    const octets = randomBytes(600_000);
    const before = await count('attachmentFiles.chunks');
    for (let message = 0; message < 20; message += 1) await attachments.keep(newOwner(), TOKEN, [sourceOf(octets)]);
    assert.equal((await count('attachmentFiles.chunks')) - before, 3);
  });

  it('leaves one file when two upload at the same time', async () => {
    const octets = randomBytes(300_000);
    const rivals = Array.from({ length: 4 }, () => createAttachments({ database, clock: systemClock }));
    const files = await count('attachmentFiles.files');
    const chunks = await count('attachmentFiles.chunks');
    const sources = await Promise.all(
      rivals.map(async (rival) => {
        const source = sourceOf(octets);
        await rival.keep(newOwner(), TOKEN, [source]);
        return source;
      }),
    );
    assert.ok(sources.filter((source) => source.reads > 0).length > 1, 'more than one uploaded');
    assert.equal(await count('attachmentFiles.files'), files + 1);
    assert.equal(await count('attachmentFiles.chunks'), chunks + 2);
    for (const rival of rivals)
      assert.ok((await collect((await rival.open(idOf(octets))).read(0, Infinity))).equals(octets));
  });

  it('keeps the file of a row whose insert was carried out before it met itself', async () => {
    const octets = randomBytes(1000);
    await new AttachmentKeeper(retryingCollections(database), systemClock).keep(newOwner(), TOKEN, [sourceOf(octets)]);
    assert.ok((await collect((await attachments.open(idOf(octets))).read(0, Infinity))).equals(octets));
  });

  it('uploads once in a process for all who come together', async () => {
    const octets = randomBytes(100_000);
    const sources = Array.from({ length: 10 }, () => sourceOf(octets));
    await Promise.all(sources.map((source) => attachments.keep(newOwner(), TOKEN, [source])));
    assert.equal(
      sources.reduce((sum, source) => sum + source.reads, 0),
      1,
    );
  });

  it('refuses octets that are not what their id says, and leaves nothing of them', async () => {
    const octets = randomBytes(300_000);
    const chunks = await count('attachmentFiles.chunks');
    const liar = { ...sourceOf(octets), id: idOf(Buffer.from('something else')) };
    await assert.rejects(attachments.keep(newOwner(), TOKEN, [liar]), { code: 'internal' });
    assert.equal(await count('attachmentFiles.chunks'), chunks);
    await assert.rejects(attachments.open(liar.id), { code: 'attachment-not-found' });
  });

  it('says that content is damaged where chunks are missing or changed', async () => {
    for (const damage of ['missing', 'changed'] as const) {
      const octets = textOf(FRAME_OCTETS * 3 + (damage === 'missing' ? 1 : 2));
      await attachments.keep(newOwner(), TOKEN, [sourceOf(octets)]);
      const row = await database.db.collection('attachments').findOne({ _id: Buffer.from(idOf(octets), 'hex') });
      const chunks = database.db.collection('attachmentFiles.chunks');
      if (damage === 'missing') await chunks.deleteMany({ files_id: row?.['file'] });
      else await chunks.updateMany({ files_id: row?.['file'] }, { $set: { data: randomBytes(FRAME_OCTETS) } });
      const stored = await createAttachments({ database, clock: systemClock }).open(idOf(octets));
      await assert.rejects(collect(stored.read(0, 10)), { code: 'internal' });
    }
  });

  it('follows content that was swept and uploaded again to another file', async () => {
    const octets = randomBytes(FRAME_OCTETS * 2);
    const owner = newOwner();
    await attachments.keep(owner, TOKEN, [sourceOf(octets)]);
    const stored = await attachments.open(idOf(octets));
    await attachments.release(owner, TOKEN, [idOf(octets)]);
    await attachments.sweep.run({ delayMs: 0, exist: async (owners) => owners.map(() => true) });
    await assert.rejects(collect(stored.read(0, 1)), { code: 'attachment-not-found' });
    await attachments.keep(newOwner(), TOKEN, [sourceOf(octets)]);
    assert.ok((await collect(stored.read(0, Infinity))).equals(octets));
  });

  it('shares what is there and refuses what is not', async () => {
    const octets = randomBytes(1000);
    await attachments.keep(newOwner(), TOKEN, [sourceOf(octets)]);
    const other = newOwner();
    await attachments.share(other, TOKEN, [idOf(octets)]);
    assert.deepEqual(await attachments.hasRefs(other, [idOf(octets)]), [true]);
    await assert.rejects(attachments.share(other, TOKEN, [idOf(randomBytes(10))]), { code: 'attachment-not-found' });
  });
});
