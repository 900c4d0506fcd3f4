import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { newAccountId } from '../../lib/kernel/ids.ts';
import { HOSTILE } from '../corpus/hostile.ts';
import { corpusMessages } from '../support/corpora.ts';
import { watchLoop } from './event-loop.ts';
import { collect, inPieces, openTestRoom, type TestRoom } from './message-room.ts';

/** What the promises allow for holding the event loop. */
const HELD_MS = 200;

/** Several at a time: the work waits for the database most of the time. */
async function concurrently<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = items.values();
  const worker = async (): Promise<void> => {
    for (const item of waiting) await work(item);
  };
  await Promise.all(Array.from({ length: 8 }, worker));
}

describe('every message of the corpora', () => {
  let room: TestRoom;
  before(async () => {
    // Small thresholds, so that much of it takes the ways of large mail.
    room = await openTestRoom({ settings: { attachmentOctets: 1024, memoryOctets: 64 * 1024 } });
  });
  after(() => room.close());

  it('comes back to the octet, whole and in odd pieces', async () => {
    const account = newAccountId();
    const prefix = Buffer.from('Return-Path: <>\r\nReceived: from a\r\n by b\r\n');
    let number = 0;
    await concurrently(corpusMessages(), async ({ name, octets }) => {
      number += 1;
      const ingested = await room.messages.ingest(inPieces(octets, [7, 509, 8192, 1 << 20][number % 4]!), {
        maxOctets: 1 << 26,
      });
      const origin = { kind: 'delivery', recipient: name } as const;
      const stored = await room.messages.store(account, ingested, { origin, prefix, q: 1, now: 0 });
      await ingested.dispose();
      const expected = Buffer.concat([prefix, octets]);
      const opened = await room.messages.open(account, stored.messageId);
      assert.ok((await collect(opened.range(0, Infinity))).equals(expected), name);
      const size = Math.max(97, Math.floor(expected.length / 7) | 1);
      const pieces: Buffer[] = [];
      for (let start = 0; start < expected.length; start += size)
        pieces.push(await opened.readRange(start, start + size));
      assert.ok(Buffer.concat(pieces).equals(expected), `${name} in pieces of ${size}`);
      if (number % 5 === 0) assert.deepEqual(await room.messages.checkMessage(account, stored.messageId), [], name);
    });
    assert.ok(number > 60, `${number} messages`);
  });

  it('decodes parts alike whether they are attachments or not', async () => {
    const plain = room.another({ settings: { attachmentOctets: 256 * 1024 } });
    const [one, other] = [newAccountId(), newAccountId()];
    const store = async (messages: TestRoom['messages'], account: typeof one, octets: Buffer) => {
      const ingested = await messages.ingest(inPieces(octets, 4096), { maxOctets: 1 << 26 });
      const { messageId } = await messages.store(account, ingested, {
        origin: { kind: 'append' },
        prefix: Buffer.alloc(0),
        q: 1,
        now: 0,
      });
      await ingested.dispose();
      return messages.open(account, messageId);
    };
    let attachments = 0;
    const some = corpusMessages().filter(({ octets }) => octets.length > 2048 && octets.length < 200_000);
    await concurrently(some, async ({ name, octets }) => {
      const stored = await store(room.messages, one, octets);
      const whole = await store(plain.messages, other, octets);
      for (const part of stored.parts) {
        if (stored.attachmentOf(part.index) === undefined) continue;
        attachments += 1;
        const [left, right] = [await collect(stored.decoded(part.index)), await collect(whole.decoded(part.index))];
        assert.ok(left.equals(right), `${name} ${part.section}`);
      }
    });
    assert.ok(attachments > 20, `${attachments} attachments`);
  });
});

describe('hostile mail', () => {
  let room: TestRoom;
  before(async () => {
    room = await openTestRoom();
  });
  after(() => room.close());

  for (const [name, make] of HOSTILE) {
    it(`is stored and given back: ${name}`, async () => {
      const octets = make(40_000);
      const account = newAccountId();
      const longest = watchLoop();
      const { messageId } = await room.put(account, octets);
      const opened = await room.another().messages.open(account, messageId);
      const isEqual = (await collect(opened.range(0, Infinity))).equals(octets);
      const held = longest();
      assert.ok(isEqual);
      assert.ok(held < HELD_MS, `held the event loop for ${Math.round(held)} ms`);
    });
  }
});
