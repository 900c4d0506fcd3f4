import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { newAccountId, type MessageId } from '../../lib/kernel/ids.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { createSweep, type SweepReferences, type SweepReport } from '../../lib/messages/index.ts';
import { collect, openTestRoom, type TestRoom } from './message-room.ts';
import { sampleMessage } from './sample-message.ts';
import { EVERY_ROW } from '../support/every-row.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const COLLECTIONS = ['messages', 'attachments', 'attachmentRefs', 'attachmentFiles.files', 'attachmentFiles.chunks'];

describe('the sweep of messages', () => {
  let room: TestRoom;
  beforeEach(async () => {
    room = await openTestRoom();
  });
  afterEach(() => room.close());

  const sweepOf = (references: SweepReferences, attachments = room.attachments) => {
    const { database, clock } = room;
    return createSweep({ database, attachments, clock, logger: silentLogger, references });
  };
  /** Only these are live. */
  const sweep = (live: ReadonlySet<MessageId>, olderThanMs?: number): Promise<SweepReport> =>
    sweepOf({ isReferenced: async (_, ids) => ids.map((id) => live.has(id)) }).run(
      olderThanMs === undefined ? {} : { olderThanMs },
    );
  const counts = (): Promise<number[]> =>
    Promise.all(COLLECTIONS.map((name) => room.database.db.collection(name).countDocuments(EVERY_ROW)));

  it('removes everything of an expunged message in one impatient run', async () => {
    for (let account = 0; account < 20; account += 1) {
      await room.put(newAccountId(), sampleMessage({ attachment: Buffer.alloc(1 << 20, 'abc') }));
    }
    await room.put(newAccountId(), Buffer.concat([Buffer.from('X: '), randomBytes(600_000), Buffer.from('\r\n\r\n')]));
    const report = await sweep(new Set(), 0);
    assert.equal(report.messages, 21);
    assert.deepEqual(await counts(), [0, 0, 0, 0, 0]);
  });

  it('keeps what is live and what is young', async () => {
    const account = newAccountId();
    const attachment = randomBytes(100_000);
    const live = await room.put(account, sampleMessage({ attachment, subject: 'live' }));
    const dead = await room.put(account, sampleMessage({ attachment, subject: 'dead' }));
    room.clock.advance(8 * DAY_MS - 1);
    assert.equal((await sweep(new Set([live.messageId]))).messages, 0);
    room.clock.advance(1);
    assert.equal((await sweep(new Set([live.messageId]))).messages, 1);
    await assert.rejects(room.messages.open(account, dead.messageId), { code: 'message-not-found' });
    assert.deepEqual(await room.messages.checkMessage(account, live.messageId), []);
  });

  it('goes through more accounts and messages than fit a batch', async () => {
    const [one, other] = [newAccountId(), newAccountId()];
    const live = new Set<MessageId>();
    for (let number = 0; number < 300; number += 1) {
      const stored = await room.put(number % 3 === 0 ? one : other, Buffer.from(`Subject: ${number}\r\n\r\n`));
      if (number % 2 === 0) live.add(stored.messageId);
    }
    assert.equal((await sweep(live, 0)).messages, 150);
    assert.equal(await room.database.db.collection('messages').countDocuments(EVERY_ROW), 150);
  });

  it('keeps the witness of an earlier occurrence while a retry of the later one may come', async () => {
    const account = newAccountId();
    const octets = Buffer.from('Subject: weekly\r\n\r\n');
    const origin = { kind: 'delivery', recipient: 'a@x' } as const;
    await room.put(account, octets, { origin });
    room.clock.advance(8 * DAY_MS);
    const second = await room.put(account, octets, { origin });
    await sweep(new Set([second.messageId]));
    room.clock.advance(DAY_MS);
    assert.equal((await room.put(account, octets, { origin })).messageId, second.messageId);
  });

  it('leaves alone what the journal does not let go', async () => {
    const account = newAccountId();
    const { messageId } = await room.put(account, Buffer.from('Subject: kept\r\n\r\n'));
    const references: SweepReferences = {
      isReferenced: async (_, ids) => ids.map(() => false),
      announce: async (_, ids) => ids.map(() => false),
    };
    assert.equal((await sweepOf(references).run({ olderThanMs: 0 })).messages, 0);
    await room.messages.open(account, messageId);
  });

  for (const moment of ['before the journal is asked', 'before the deletion', 'after the deletion'] as const) {
    it(`never harms a message that is stored again ${moment}`, async () => {
      const account = newAccountId();
      const octets = sampleMessage({ attachment: randomBytes(100_000) });
      const first = await room.put(account, octets);
      const at = async (here: typeof moment): Promise<void> => {
        if (here === moment) await room.put(account, octets);
      };
      const attachments = {
        sweep: room.attachments.sweep,
        release: async (...given: Parameters<TestRoom['attachments']['release']>): Promise<void> => {
          await at('after the deletion');
          await room.attachments.release(...given);
        },
      };
      const references: SweepReferences = {
        isReferenced: async (_, ids) => {
          await at('before the journal is asked');
          return ids.map(() => false);
        },
        announce: async (_, ids) => {
          await at('before the deletion');
          return ids.map(() => true);
        },
      };
      const { database, clock } = room;
      await createSweep({ database, attachments, clock, logger: silentLogger, references }).run({ olderThanMs: 0 });
      assert.deepEqual(await room.messages.checkMessage(account, first.messageId), []);
      const opened = await room.another().messages.open(account, first.messageId);
      assert.ok((await collect(opened.range(0, Infinity))).equals(octets));
      await sweep(new Set(), 0);
      assert.deepEqual(await counts(), [0, 0, 0, 0, 0], 'and goes whole when its time has come');
    });
  }

  it('never harms a message that is stored again while its refs are in place and its document goes', async () => {
    const account = newAccountId();
    const octets = sampleMessage({ attachment: randomBytes(100_000) });
    const { messageId } = await room.put(account, octets);
    const ingested = await room.messages.ingest(single(octets), { maxOctets: 1 << 20 });
    const { database, clock, attachments } = room;
    // The writer's refs are there when the sweep runs, its document is not.
    const keep = attachments.keep.bind(attachments);
    attachments.keep = async (...given) => {
      await keep(...given);
      const references = { isReferenced: async (_: unknown, ids: readonly MessageId[]) => ids.map(() => false) };
      await createSweep({ database, attachments, clock, logger: silentLogger, references }).run({ olderThanMs: 0 });
    };
    await room.messages.store(account, ingested, {
      origin: { kind: 'append' },
      prefix: Buffer.alloc(0),
      q: 1,
      now: clock.now(),
    });
    await ingested.dispose();
    assert.deepEqual(await room.another().messages.checkMessage(account, messageId), []);
  });

  it('stops when it is told to', async () => {
    const references = { isReferenced: async (_: unknown, ids: readonly MessageId[]) => ids.map(() => false) };
    await assert.rejects(sweepOf(references).run({ signal: AbortSignal.abort(new Error('stopping')) }), /stopping/);
  });
});

async function* single(octets: Buffer): AsyncGenerator<Buffer> {
  yield octets;
}
