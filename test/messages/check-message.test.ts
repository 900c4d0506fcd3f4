import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { newAccountId, type AccountId, type MessageId } from '../../lib/kernel/ids.ts';
import { all, collect, openTestRoom, type TestRoom } from './message-room.ts';
import { sampleMessage } from './sample-message.ts';

describe('checking a message', () => {
  let room: TestRoom;
  let account: AccountId;
  let messageId: MessageId;
  before(async () => {
    room = await openTestRoom();
  });
  after(() => room.close());

  const kinds = async (): Promise<string[]> =>
    (await room.another().messages.checkMessage(account, messageId)).map(({ kind }) => kind);
  const document = () => ({ _id: Buffer.from(account + messageId, 'hex') as never });

  /** A fresh message, then damaged. */
  const damage = async (work: (hash: string) => Promise<unknown>): Promise<void> => {
    account = newAccountId();
    ({ messageId } = await room.put(account, sampleMessage({ attachment: randomBytes(60_000) })));
    const opened = await room.another().messages.open(account, messageId);
    await work(opened.attachmentOf(2)!);
  };
  const set = (fields: Record<string, unknown>): Promise<unknown> =>
    room.database.db.collection('messages').updateOne(document(), { $set: fields });

  it('finds nothing where nothing is wrong', async () => {
    await damage(async () => undefined);
    assert.deepEqual(await kinds(), []);
    assert.deepEqual(await all(room.messages.messageIds(account)), [messageId]);
  });

  it('finds a document that is not there', async () => {
    await damage(() => room.database.db.collection('messages').deleteOne(document()));
    assert.deepEqual(await kinds(), ['missing']);
  });

  it('finds an attachment that is not there, which readers are told is trouble of ours', async () => {
    await damage((hash) => room.database.db.collection('attachments').deleteOne({ _id: Buffer.from(hash, 'hex') }));
    assert.deepEqual(await kinds(), ['unreadable']);
    const opened = await room.another().messages.open(account, messageId);
    await assert.rejects(collect(opened.range(0, Infinity)), { code: 'internal' });
    assert.ok((await opened.readRange(0, 20)).length === 20, 'what is whole can be read');
  });

  it('finds chunks that are not there', async () => {
    await damage(async (hash) => {
      const row = await room.database.db.collection('attachments').findOne({ _id: Buffer.from(hash, 'hex') });
      await room.database.db.collection('attachmentFiles.chunks').deleteMany({ files_id: row?.['file'] });
    });
    assert.deepEqual(await kinds(), ['unreadable']);
  });

  it('finds a ref that is not there', async () => {
    await damage((hash) =>
      room.database.db.collection('attachmentRefs').deleteOne({ _id: Buffer.from(hash + account + messageId, 'hex') }),
    );
    assert.deepEqual(await kinds(), ['missing-ref']);
  });

  it('finds changed octets and tables', async () => {
    await damage(() => set({ skeleton: randomBytes(200), skeletonCompression: 'zstd' }));
    assert.deepEqual(await kinds(), ['unreadable']);
    await damage(() => set({ dataHash: randomBytes(32) }));
    assert.deepEqual(await kinds(), ['wrong-hash']);
    await damage(() => set({ segments: Buffer.from([0, 10]) }));
    assert.deepEqual(await kinds(), ['wrong-size']);
    await damage(() => set({ segments: Buffer.from([9, 1]) }));
    assert.deepEqual(await kinds(), ['unreadable']);
    await damage(() => set({ parts: Buffer.from([200]) }));
    assert.deepEqual(await kinds(), ['bad-rendering']);
  });

  it('does not take trouble for damage', async () => {
    await damage(async () => undefined);
    const closed = await openTestRoom();
    await closed.close();
    await assert.rejects(closed.messages.checkMessage(account, messageId), { code: 'unavailable' });
  });
});
