import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { AttachmentCollection } from '../../lib/attachments/attachment-collection.ts';
import { AttachmentFileCollection } from '../../lib/attachments/attachment-file-collection.ts';
import { AttachmentRefCollection } from '../../lib/attachments/attachment-ref-collection.ts';
import { createAttachments } from '../../lib/attachments/index.ts';
import { AttachmentKeeper, type AttachmentCollections } from '../../lib/attachments/keep-attachments.ts';
import { createAttachmentSweep } from '../../lib/attachments/sweep-attachments.ts';
import type { Database } from '../../lib/db/index.ts';
import { collect, movableClock } from '../messages/message-room.ts';
import { openTestDatabase } from '../support/database.ts';
import { idOf, newOwner, sourceOf } from './attachment-room.ts';
import { EVERY_ROW } from '../support/every-row.ts';

const TOKEN = Buffer.from('token-01');

/** The same collections; before each of their operations `step` is told its number. */
function stepped(collections: AttachmentCollections, step: (number: number) => Promise<void>): AttachmentCollections {
  let number = 0;
  const wrap = <T extends object>(collection: T): T =>
    new Proxy(collection, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== 'function') return member;
        if (name === 'newFileId') return collections.files.newFileId.bind(collections.files);
        return async (...given: unknown[]): Promise<unknown> => {
          number += 1;
          await step(number);
          return Reflect.apply(member, target, given);
        };
      },
    });
  return { rows: wrap(collections.rows), refs: wrap(collections.refs), files: wrap(collections.files) };
}

describe('keeping and sweeping, one in the middle of the other', () => {
  const clock = movableClock();
  let database: Database;
  let collections: AttachmentCollections;
  before(async () => {
    database = await openTestDatabase();
    collections = {
      rows: new AttachmentCollection(database),
      refs: new AttachmentRefCollection(database),
      files: new AttachmentFileCollection(database, clock),
    };
  });
  after(() => database.close());

  /** What earlier rounds left would make a sweep longer and longer. */
  const clear = async (): Promise<void> => {
    for (const name of ['attachments', 'attachmentRefs', 'attachmentFiles.files', 'attachmentFiles.chunks']) {
      await database.db.collection(name).deleteMany(EVERY_ROW);
    }
  };
  const sweep = async (swept: AttachmentCollections): Promise<void> => {
    await createAttachmentSweep(swept, clock).run({ delayMs: 0, exist: async (owners) => owners.map(() => true) });
  };
  const read = async (octets: Buffer): Promise<Buffer> =>
    collect((await createAttachments({ database, clock }).open(idOf(octets))).read(0, Infinity));

  /** Content that is there and that nobody refers to any more. */
  const abandoned = async (octets: Buffer): Promise<void> => {
    const owner = newOwner();
    await new AttachmentKeeper(collections, clock).keep(owner, TOKEN, [sourceOf(octets)]);
    await collections.refs.remove(owner, [idOf(octets)], TOKEN);
  };

  /** Gives the work one step number after the other until it says that it has fewer steps. @returns how many there are */
  const atEachStep = async (work: (step: number) => Promise<boolean>): Promise<number> => {
    for (let step = 1; step < 100; step += 1) {
      await clear();
      if (!(await work(step))) return step - 1;
    }
    assert.fail('there is no end of steps');
  };

  for (const state of ['new', 'abandoned'] as const) {
    it(`loses nothing when content that is ${state} is kept at any step of a sweep`, async () => {
      const steps = await atEachStep(async (step) => {
        const octets = randomBytes(500);
        if (state === 'abandoned') await abandoned(octets);
        const kept: number[] = [];
        const keep = async (number: number): Promise<void> => {
          if (number !== step) return;
          kept.push(number);
          await new AttachmentKeeper(collections, clock).keep(newOwner(), TOKEN, [sourceOf(octets)]);
        };
        await sweep(stepped(collections, keep));
        if (kept.length > 0) assert.ok((await read(octets)).equals(octets), `kept at step ${step}`);
        return kept.length > 0;
      });
      assert.ok(steps >= 4, `${steps} steps`);
    });

    it(`loses nothing when a sweep runs at any step of keeping content that is ${state}`, async () => {
      const steps = await atEachStep(async (step) => {
        const octets = randomBytes(500);
        if (state === 'abandoned') await abandoned(octets);
        const swept: number[] = [];
        const sweepThen = async (number: number): Promise<void> => {
          if (number !== step) return;
          swept.push(number);
          await sweep(collections);
        };
        await new AttachmentKeeper(stepped(collections, sweepThen), clock).keep(newOwner(), TOKEN, [sourceOf(octets)]);
        assert.ok((await read(octets)).equals(octets), `swept at step ${step}`);
        return swept.length > 0;
      });
      assert.ok(steps >= 2, `${steps} steps`);
    });
  }
});
