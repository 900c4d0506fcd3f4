import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { newAccountId } from '../../lib/kernel/ids.ts';
import { collect, openTestRoom, type TestRoom } from './message-room.ts';
import { sampleMessage } from './sample-message.ts';
import { EVERY_ROW } from '../support/every-row.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

describe('the identity of messages', () => {
  let room: TestRoom;
  before(async () => {
    room = await openTestRoom();
  });
  after(() => room.close());

  const to = (recipient: string) => ({ origin: { kind: 'delivery', recipient } as const });
  const count = (name: string): Promise<number> => room.database.db.collection(name).countDocuments(EVERY_ROW);

  it('a retry finds what the first try wrote, prefix and all', async () => {
    const account = newAccountId();
    const octets = sampleMessage({ attachment: randomBytes(50_000), subject: 'retry' });
    const first = await room.put(account, octets, {
      ...to('a@x'),
      q: 7,
      prefix: Buffer.from('Received: first try\r\n'),
    });
    assert.equal(first.existedSinceQ, undefined);
    const again = await room.put(account, octets, {
      ...to('a@x'),
      q: 9,
      prefix: Buffer.from('Received: the second try\r\n'),
    });
    assert.deepEqual(again, { ...first, existedSinceQ: 7 });
    const opened = await room.messages.open(account, first.messageId);
    assert.ok((await collect(opened.range(0, 21))).equals(Buffer.from('Received: first try\r\n')));
  });

  it('twenty tries at once write one document and one file', async () => {
    const account = newAccountId();
    const octets = sampleMessage({ attachment: randomBytes(50_000), subject: 'parallel' });
    const before = { messages: await count('messages'), files: await count('attachmentFiles.files') };
    const rooms = [room, room.another(), room.another()];
    const stored = await Promise.all(
      Array.from({ length: 20 }, async (_, number) => {
        const { messages } = rooms[number % 3]!;
        const ingested = await messages.ingest(single(octets), { maxOctets: 1 << 20 });
        const result = await messages.store(account, ingested, {
          ...to('a@x'),
          prefix: Buffer.alloc(0),
          q: 1,
          now: room.clock.now(),
        });
        await ingested.dispose();
        return result;
      }),
    );
    assert.equal(new Set(stored.map(({ messageId }) => messageId)).size, 1);
    assert.equal(stored.filter(({ existedSinceQ }) => existedSinceQ === undefined).length, 1);
    assert.equal(await count('messages'), before.messages + 1);
    assert.equal(await count('attachmentFiles.files'), before.files + 1);
    assert.deepEqual(await room.messages.checkMessage(account, stored[0]!.messageId), []);
  });

  it('tells recipients, deliveries and appends apart', async () => {
    const account = newAccountId();
    const octets = sampleMessage({ attachment: randomBytes(10), subject: 'origins' });
    const ids = [
      await room.put(account, octets, to('a@x')),
      await room.put(account, octets, to('b@x')),
      await room.put(account, octets),
      await room.put(account, Buffer.concat([octets, Buffer.from('\r\n')])),
    ].map(({ messageId }) => messageId);
    assert.equal(new Set(ids).size, 4);
    assert.equal((await room.put(account, octets)).messageId, ids[2]);
    assert.equal((await room.put(newAccountId(), octets)).messageId, ids[2]);
  });

  it('takes the same DATA for a new message after seven days', async () => {
    const account = newAccountId();
    const octets = sampleMessage({ attachment: randomBytes(10), subject: 'weekly' });
    const first = await room.put(account, octets, to('a@x'));
    room.clock.advance(7 * DAY_MS);
    assert.equal((await room.put(account, octets, to('a@x'))).messageId, first.messageId);
    room.clock.advance(1);
    const second = await room.put(account, octets, to('a@x'));
    assert.notEqual(second.messageId, first.messageId);
    assert.equal(second.existedSinceQ, undefined);
    room.clock.advance(DAY_MS);
    const retry = await room.put(account, octets, to('a@x'));
    assert.deepEqual([retry.messageId, retry.existedSinceQ], [second.messageId, 1]);
    assert.equal((await room.put(account, octets)).existedSinceQ, undefined);
  });

  it('keeps a large attachment once for twenty accounts', async () => {
    const octets = sampleMessage({ attachment: randomBytes(1 << 20), subject: 'shared' });
    const before = await count('attachmentFiles.chunks');
    for (let number = 0; number < 20; number += 1) await room.put(newAccountId(), octets, to(`user${number}@x`));
    assert.equal((await count('attachmentFiles.chunks')) - before, 5);
  });

  it('gives threads by the first message referred to', async () => {
    const account = newAccountId();
    const thread = async (...fields: readonly string[]): Promise<string> =>
      (
        await room.put(
          account,
          Buffer.from(`${[...fields, `X: ${randomBytes(4).toString('hex')}`].join('\r\n')}\r\n\r\n`),
        )
      ).thread;
    const root = await thread('Message-ID: <root@x>');
    assert.equal(await thread('Message-ID: <a@x>', 'In-Reply-To: <root@x>'), root);
    assert.equal(await thread('Message-ID: <b@x>', 'References: <root@x>\r\n <a@x>', 'In-Reply-To: <a@x>'), root);
    assert.notEqual(await thread('Message-ID: <c@x>'), root);
    assert.notEqual(await thread('Subject: nameless'), await thread('Subject: nameless'));
    assert.match(root, /^[0-9a-f]{32}$/);
  });

  it('copies data to another account under the same id', async () => {
    const [source, target] = [newAccountId(), newAccountId()];
    const octets = sampleMessage({ attachment: randomBytes(100_000), subject: 'copied' });
    const { messageId } = await room.put(source, octets, { ...to('a@x'), prefix: Buffer.from('Received: x\r\n') });
    const chunks = await count('attachmentFiles.chunks');
    await room.messages.copyTo(source, target, [messageId]);
    await room.messages.copyTo(source, target, [messageId]);
    assert.equal(await count('attachmentFiles.chunks'), chunks);
    assert.deepEqual(await room.messages.checkMessage(target, messageId), []);
    const opened = await room.messages.open(target, messageId);
    assert.ok((await opened.readRange(13, opened.size)).equals(octets));
    const missing = randomBytes(16).toString('hex') as typeof messageId;
    await assert.rejects(room.messages.copyTo(source, target, [missing]), { code: 'message-not-found' });
    await assert.rejects(room.messages.open(target, missing), { code: 'message-not-found' });
    await assert.rejects(room.messages.open(newAccountId(), messageId), { code: 'message-not-found' });
    assert.deepEqual(await room.messages.renew(source, [messageId, missing]), [true, false]);
    assert.deepEqual(await room.messages.renew(source, [messageId]), [true]);
  });
});

async function* single(octets: Buffer): AsyncGenerator<Buffer> {
  yield octets;
}
