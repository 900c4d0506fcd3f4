import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { createAttachments, type AttachmentsRoom } from '../../lib/attachments/index.ts';
import { FRAME_OCTETS } from '../../lib/attachments/attachment-frames.ts';
import { readRow } from '../../lib/attachments/read-attachment.ts';
import { rewriteAttachments } from '../../lib/attachments/rewrite-attachments.ts';
import type { Database } from '../../lib/db/index.ts';
import { createContentCipher, readKeyRing } from '../../lib/encryption/index.ts';
import { systemClock } from '../../lib/kernel/clock.ts';
import { LruCache } from '../../lib/kernel/lru-cache.ts';
import { collect } from '../messages/message-room.ts';
import { openTestDatabase } from '../support/database.ts';
import { idOf, newOwner, retryingCollections, sourceOf } from './attachment-room.ts';
import { EVERY_ROW } from '../support/every-row.ts';

const TOKEN = Buffer.from('token-02');
const KEYS = [7, 8].map((octet) => Buffer.alloc(32, octet).toString('base64'));
const WORDS = Array.from({ length: 3000 }, () => randomBytes(6).toString('hex'));
/** A log, of which stronger compression makes a good deal less. */
const line = (_: unknown, index: number): string =>
  `${String(1_700_000_000 + index * 7)} host${String(randomInt(9))} GET /${WORDS[randomInt(50)] ?? ''} 200 ${String(randomInt(10_000))}\n`;
const text = (octets: number): Buffer =>
  Buffer.from(Array.from({ length: octets / 30 }, line).join('')).subarray(0, octets);

describe('contents that are written anew', () => {
  let database: Database;
  const contents = [
    Buffer.alloc(0),
    Buffer.from('one octet and some more'),
    randomBytes(FRAME_OCTETS),
    text(FRAME_OCTETS * 3 + 5),
    randomBytes(FRAME_OCTETS * 4 + 77),
  ];

  const roomWith = (...keys: readonly (string | undefined)[]): AttachmentsRoom =>
    createAttachments({
      database,
      clock: systemClock,
      cipher: keys.length === 0 ? undefined : createContentCipher(readKeyRing(keys.join('\n'))),
    });
  const assertWhole = async (room: AttachmentsRoom): Promise<void> => {
    for (const octets of contents) {
      const stored = await room.open(idOf(octets));
      assert.ok((await collect(stored.read(0, Infinity))).equals(octets), `${String(octets.length)} octets`);
      const start = Math.floor(octets.length / 3);
      assert.ok((await collect(stored.read(start, start + 1000))).equals(octets.subarray(start, start + 1000)));
    }
  };
  const storedAnywhere = async (wanted: Buffer): Promise<boolean> => {
    for await (const { data } of database.db
      .collection('attachmentFiles.chunks')
      .find(EVERY_ROW, { promoteBuffers: true }))
      if ((data as Buffer).includes(wanted)) return true;
    return false;
  };

  before(async () => {
    database = await openTestDatabase();
    await roomWith().keep(
      newOwner(),
      TOKEN,
      contents.map((octets) => sourceOf(octets)),
    );
  });
  after(() => database.close());

  it('are sealed, and no octet of them can be read in the database any more', async () => {
    assert.ok(await storedAnywhere(Buffer.from('one octet and some more')));
    const report = await roomWith(KEYS[0]).rewrite({});
    assert.deepEqual([report.seen, report.rewritten, report.failed], [contents.length, contents.length, 0]);
    assert.equal(await storedAnywhere(Buffer.from('one octet and some more')), false);
    await assertWhole(roomWith(KEYS[0]));
    assert.equal(await database.db.collection('attachmentFiles.files').countDocuments(EVERY_ROW), contents.length);
  });

  it('are unavailable, and nothing worse, without their key', async () => {
    const stored = await roomWith().open(idOf(contents[2] ?? Buffer.alloc(0)));
    await assert.rejects(collect(stored.read(0, 10)), { code: 'unavailable' });
    await assert.rejects(collect(stored.read(0, Infinity)), { code: 'unavailable' });
    const report = await roomWith(KEYS[1]).rewrite({});
    assert.deepEqual([report.rewritten, report.failed], [1, contents.length - 1], 'the empty one needs no key');
  });

  it('go from one key to the next while somebody reads', async () => {
    const both = roomWith(KEYS[1], KEYS[0]);
    const large = contents.at(-1) ?? Buffer.alloc(0);
    const reading = (await both.open(idOf(large))).read(0, Infinity);
    const first = await reading.next();
    await both.rewrite({});
    const rest = await collect(reading);
    assert.ok(Buffer.concat([first.value ?? Buffer.alloc(0), rest]).equals(large));
    await assertWhole(roomWith(KEYS[1]));
    assert.equal((await both.rewrite({})).rewritten, 0, 'nothing is left to do');
  });

  it('are compressed more where that saves something, and tried once', async () => {
    const report = await roomWith(KEYS[1]).rewrite({ level: 12 });
    assert.equal(report.rewritten, 1);
    assert.ok(report.octetsAfter < report.octetsBefore * 0.95);
    await assertWhole(roomWith(KEYS[1]));
    const again = await roomWith(KEYS[1]).rewrite({ level: 12 });
    assert.equal(again.rewritten, 0);
    const files = await database.db.collection('attachmentFiles.files').find(EVERY_ROW).toArray();
    assert.equal(files.length, contents.length, 'no file is left over');
  });

  it('stay in the file of a row whose change was carried out before it met itself', async () => {
    const former = createContentCipher(readKeyRing(KEYS[1] ?? ''));
    const collections = retryingCollections(database);
    const cache = new LruCache<string, Buffer>({ clock: systemClock, maxWeight: 0, lifetimeMs: 1 });
    const reading = { files: collections.files, cache, cipher: former };
    const seal = createContentCipher(readKeyRing(KEYS.join('\n')));
    const report = await rewriteAttachments(collections, seal, (row) => readRow(reading, row, 0, row.size), {});
    assert.deepEqual([report.rewritten, report.failed], [contents.length, 0]);
    await assertWhole(roomWith(KEYS[0]));
    const files = await database.db.collection('attachmentFiles.files').find(EVERY_ROW).toArray();
    assert.equal(files.length, contents.length, 'the old files are gone');
    assert.equal((await roomWith(KEYS[1], KEYS[0]).rewrite({})).rewritten, contents.length);
  });

  it('are opened for good when nothing seals any more', async () => {
    const plain = createAttachments({ database, clock: systemClock });
    await assert.rejects(collect((await plain.open(idOf(contents[1] ?? Buffer.alloc(0)))).read(0, 5)));
    const cipher = createContentCipher(readKeyRing(KEYS[1] ?? ''));
    const opening = createAttachments({ database, clock: systemClock, cipher });
    assert.equal((await opening.rewrite({ isPlain: true })).rewritten, contents.length);
    await assertWhole(plain);
  });
});
