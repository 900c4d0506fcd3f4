import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { AccountId } from '../../lib/kernel/ids.ts';
import { newAccountId } from '../../lib/kernel/ids.ts';
import { silentLogger, type Logger } from '../../lib/kernel/logger.ts';
import { scrubContent } from '../../workers/jobs/scrub-content.ts';
import { openTestRoom, type TestRoom } from '../messages/message-room.ts';
import { EVERY_ROW } from '../support/every-row.ts';

describe('scrubbing', () => {
  let room: TestRoom;
  const account = newAccountId();
  const told: Record<string, unknown>[] = [];
  const logger: Logger = { ...silentLogger, error: (fields: object) => void told.push({ ...fields }) };

  before(async () => {
    room = await openTestRoom();
    for (let n = 0; n < 3; n += 1)
      await room.put(account, Buffer.from(`Subject: ${String(n)}\r\n\r\ntext ${String(n)}\r\n`));
  });
  after(() => room.close());

  const scrub = async (signal = new AbortController().signal): Promise<unknown> => {
    const accounts = async function* (): AsyncIterable<AccountId> {
      yield account;
    };
    const job = scrubContent({ accounts }, room.messages, logger, 1000);
    return job.run({ shard: { from: '', to: undefined }, signal } as never);
  };

  it('reads everything and says nothing where all is well', async () => {
    assert.deepEqual(await scrub(), { messages: 3, damaged: 0 });
    assert.deepEqual(told, []);
  });

  it('names the message whose octets have changed', async () => {
    const documents = room.database.db.collection('messages');
    const document = await documents.findOne(EVERY_ROW, { promoteBuffers: true });
    const skeleton = Buffer.from(document?.['skeleton'] as Buffer);
    skeleton[skeleton.length - 3] = (skeleton.at(-3) ?? 0) ^ 1;
    assert.equal((await documents.updateOne({ _id: document?._id as never }, { $set: { skeleton } })).modifiedCount, 1);
    assert.deepEqual(await scrub(), { messages: 3, damaged: 1 });
    assert.equal(told.length, 1);
    assert.equal(told[0]?.['kind'], 'wrong-hash');
    assert.equal(told[0]['account'], account);
  });

  it('ends when its lease is lost', async () => {
    await assert.rejects(scrub(AbortSignal.abort()), { name: 'AbortError' });
  });
});
