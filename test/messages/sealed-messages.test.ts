import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createContentCipher, readKeyRing, type ContentCipher } from '../../lib/encryption/index.ts';
import { newAccountId, type MessageId } from '../../lib/kernel/ids.ts';
import type { MessagesRoom } from '../../lib/messages/index.ts';
import { collect, openTestRoom, plainRenderer, type TestRoom } from './message-room.ts';
import { EVERY_ROW } from '../support/every-row.ts';

const cipherWith = (...octets: readonly number[]): ContentCipher =>
  createContentCipher(readKeyRing(octets.map((octet) => Buffer.alloc(32, octet).toString('base64')).join('\n')));

const SECRET = 'the-treasure-lies-under-the-third-tree';
const message = (n: number): Buffer =>
  Buffer.from(
    `From: ann@example.org\r\nSubject: ${SECRET} ${String(n)}\r\nMIME-Version: 1.0\r\n` +
      'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n' +
      `${SECRET} says the text\r\n--b\r\nContent-Type: application/octet-stream\r\n` +
      `Content-Transfer-Encoding: base64\r\n\r\n${Buffer.from(`${SECRET} `.repeat(800 + n * 900))
        .toString('base64')
        .replace(/(.{76})/g, '$1\r\n')}\r\n--b--\r\n`,
  );

describe('messages that are sealed at rest', () => {
  let room: TestRoom;
  const account = newAccountId();
  const stored = new Map<MessageId, Buffer>();

  before(async () => {
    room = await openTestRoom({ cipher: cipherWith(1) });
    for (let n = 0; n < 6; n += 1) {
      const octets = message(n);
      stored.set((await room.put(account, octets, { prefix: Buffer.alloc(0) })).messageId, octets);
    }
  });
  after(() => room.close());

  const isAnywhere = async (text: string): Promise<boolean> => {
    for (const { name } of await room.database.db.listCollections().toArray())
      for await (const raw of room.database.db.collection(name).find(EVERY_ROW, { raw: true }))
        if ((raw as unknown as Buffer).includes(text)) return true;
    return false;
  };
  const assertWhole = async (messages: MessagesRoom, owner = account): Promise<void> => {
    for (const [messageId, octets] of stored) {
      const content = await messages.open(owner, messageId);
      assert.ok((await collect(content.range(0, content.size))).equals(octets));
      assert.match(content.envelope.toString(), new RegExp(SECRET));
    }
    for await (const digest of messages.digests(owner, [...stored.keys()]))
      assert.match(digest?.preview ?? '', /^the-treasure/);
  };

  it('are read as they were, and stand nowhere in the database', async () => {
    await assertWhole(room.messages);
    await assertWhole(room.another({ cipher: cipherWith(1) }).messages);
    assert.equal(await isAnywhere(SECRET), false);
  });

  it('are copied to another account as they are', async () => {
    const other = newAccountId();
    await room.messages.copyTo(account, other, [...stored.keys()]);
    await assertWhole(room.another({ cipher: cipherWith(1) }).messages, other);
    assert.equal(await isAnywhere(SECRET), false);
  });

  it('are unavailable without their key, and never said not to be there', async () => {
    const [messageId] = stored.keys();
    assert.ok(messageId !== undefined);
    const { currentKey } = cipherWith(1);
    await assert.rejects(room.another({ cipher: undefined }).messages.open(account, messageId), {
      code: 'unavailable',
      cause: `it is sealed with the key ${currentKey}, and no key is configured`,
    });
    await assert.rejects(room.another({ cipher: cipherWith(9) }).messages.open(account, messageId), {
      code: 'internal',
    });
    const [problem] = await room.another({ cipher: cipherWith(9) }).messages.checkMessage(account, messageId);
    assert.equal(problem?.kind, 'sealed');
    assert.match(problem.detail, new RegExp(`: the key ${currentKey} is not there$`));
  });

  it('stay sealed when a new renderer renders them again', async () => {
    const newer = room.another({ cipher: cipherWith(2, 1), renderer: plainRenderer(2) }).messages;
    await assertWhole(newer);
    await assertWhole(room.another({ cipher: cipherWith(2, 1), renderer: plainRenderer(2) }).messages);
    assert.equal(await isAnywhere(SECRET), false);
  });

  it('go from one key to the next, after which the old one is not needed', async () => {
    const both = room.another({ cipher: cipherWith(2, 1), renderer: plainRenderer(2) });
    assert.equal((await both.messages.reseal({})).rewritten, 12, 'six messages in two accounts');
    await both.attachments.rewrite({});
    await assertWhole(room.another({ cipher: cipherWith(2), renderer: plainRenderer(2) }).messages);
    assert.equal((await both.messages.reseal({})).rewritten, 0);
  });

  it('are opened for good, and sealed again, each by a look at all of them', async () => {
    const sealing = room.another({ cipher: cipherWith(2), renderer: plainRenderer(2) });
    await sealing.messages.reseal({ isPlain: true });
    await sealing.attachments.rewrite({ isPlain: true });
    await assertWhole(room.another({ cipher: undefined, renderer: plainRenderer(2) }).messages);
    assert.equal(await isAnywhere(SECRET), true);
    assert.equal((await sealing.messages.reseal({})).rewritten, 12);
    await sealing.attachments.rewrite({});
    await assertWhole(room.another({ cipher: cipherWith(2), renderer: plainRenderer(2) }).messages);
  });

  it('are seen to be damaged where one is put in the place of another', async () => {
    const collection = room.database.db.collection<{ _id: Buffer; skeleton: Buffer }>('messages', {
      promoteBuffers: true,
    });
    const [one, two] = await collection.find(EVERY_ROW).limit(2).toArray();
    assert.ok(one !== undefined && two !== undefined);
    await collection.updateOne({ _id: one._id }, { $set: { skeleton: two.skeleton } });
    const { messages } = room.another({ cipher: cipherWith(2), renderer: plainRenderer(2) });
    const owner = one._id.toString('hex', 0, 12) as typeof account;
    const messageId = one._id.toString('hex', 12) as MessageId;
    await assert.rejects(messages.open(owner, messageId), { code: 'internal' });
    const [problem, ...others] = await messages.checkMessage(owner, messageId);
    assert.deepEqual([problem?.kind, others], ['sealed', []]);
    assert.match(problem?.detail ?? '', /^skeleton of message [0-9a-f]{32}: the content is not what was sealed$/);
    assert.deepEqual(await messages.repairMessage(owner, messageId), []);
  });
});
