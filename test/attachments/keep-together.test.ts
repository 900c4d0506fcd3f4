import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { CommandStartedEvent } from 'mongodb';
import { FRAME_OCTETS } from '../../lib/attachments/attachment-frames.ts';
import { createAttachments, type AttachmentsRoom, type KeptAttachments } from '../../lib/attachments/index.ts';
import { AttachmentKeeper } from '../../lib/attachments/keep-attachments.ts';
import type { Database } from '../../lib/db/index.ts';
import { systemClock } from '../../lib/kernel/clock.ts';
import { collect } from '../messages/message-room.ts';
import { openTestDatabase } from '../support/database.ts';
import { EVERY_ROW } from '../support/every-row.ts';
import { idOf, newOwner, retryingCollections, sourceOf } from './attachment-room.ts';

const TOKEN = Buffer.from('token-01');

function keptOf(...files: readonly Buffer[]): KeptAttachments {
  return { owner: newOwner(), token: TOKEN, sources: files.map((octets) => sourceOf(octets)) };
}

describe('attachments of many messages', () => {
  let database: Database;
  let attachments: AttachmentsRoom;
  const commands: string[] = [];
  before(async () => {
    database = await openTestDatabase({ monitorCommands: true });
    attachments = createAttachments({ database, clock: systemClock });
    database.client.on('commandStarted', ({ commandName }: CommandStartedEvent) => void commands.push(commandName));
  });
  after(() => database.close());

  const count = (name: string): Promise<number> => database.db.collection(name).countDocuments(EVERY_ROW);
  const assertKept = async (kept: readonly KeptAttachments[], files: readonly Buffer[]): Promise<void> => {
    for (const octets of files) {
      const stored = await attachments.open(idOf(octets));
      assert.ok((await collect(stored.read(0, Infinity))).equals(octets));
    }
    for (const { owner, sources } of kept) {
      const ids = sources.map(({ id }) => id);
      assert.ok((await attachments.hasRefs(owner, ids)).every(Boolean));
    }
  };

  it('may be a single empty one', async () => {
    const kept = [keptOf(Buffer.alloc(0))];
    await attachments.keepTogether(kept);
    await assertKept(kept, [Buffer.alloc(0)]);
  });

  it('are kept once each, whatever their size, in few commands', async () => {
    const small = Array.from({ length: 90 }, (_, number) => randomBytes(1 + number * 500));
    const large = [randomBytes(FRAME_OCTETS * 2 + 7), randomBytes(300_000)];
    const there = randomBytes(4000);
    await attachments.keep(newOwner(), TOKEN, [sourceOf(there)]);
    const files = [...small, ...large, there];
    const kept = files.map((octets, number) => keptOf(octets, files[(number * 7) % files.length] ?? octets));
    const before = { rows: await count('attachments'), files: await count('attachmentFiles.files') };
    commands.length = 0;
    await attachments.keepTogether(kept);
    assert.ok(commands.length < 40, `${String(commands.length)} commands: ${commands.join()}`);
    await assertKept(kept, files);
    assert.equal((await count('attachments')) - before.rows, files.length - 1);
    assert.equal((await count('attachmentFiles.files')) - before.files, files.length - 1);
    commands.length = 0;
    await attachments.keepTogether(kept);
    assert.ok(!commands.includes('insert'), 'what is there is not written again');
  });

  it('are there where a first try was quicker than its repetition', async () => {
    const files = Array.from({ length: 5 }, () => randomBytes(3000));
    const kept = files.map((octets) => keptOf(octets));
    await new AttachmentKeeper(retryingCollections(database), systemClock).keepTogether(kept);
    await assertKept(kept, files);
  });

  it('are put right where another was quicker', async () => {
    const files = Array.from({ length: 20 }, () => randomBytes(3000));
    const kept = files.map((octets) => keptOf(octets));
    const before = await count('attachmentFiles.files');
    const keeper = new AttachmentKeeper(retryingCollections(database), systemClock);
    await Promise.all([attachments.keepTogether(kept), keeper.keepTogether(kept), attachments.keepTogether(kept)]);
    await assertKept(kept, files);
    assert.equal((await count('attachmentFiles.files')) - before, files.length, 'the files that lost are gone');
  });

  it('are refused where one is not what its hash says, and none is under a wrong hash', async () => {
    const good = randomBytes(2000);
    const wrong = { ...sourceOf(randomBytes(2000)), id: idOf(randomBytes(8)) };
    const kept = [keptOf(good), { owner: newOwner(), token: TOKEN, sources: [wrong] }];
    await assert.rejects(attachments.keepTogether(kept), { code: 'internal' });
    await assert.rejects(attachments.open(wrong.id), { code: 'attachment-not-found' });
    await attachments.keepTogether([keptOf(good)]);
    await assertKept([], [good]);
  });
});
