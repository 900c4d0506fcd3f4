import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import {
  createBackup,
  createDirectoryTarget,
  findUser,
  openBackupSet,
  replaceAccount,
  restoreStore,
  restoreUser,
  type BackupSet,
  type Manifest,
  type UserLine,
} from '../../lib/backup/index.ts';
import { readUnfinished } from '../../lib/db/index.ts';
import { temporaryDirectory } from '../support/embedded-engine.ts';
import { assertNoAbandonedLogs } from './killed-site.ts';
import { openTestStore, withoutUidValidity, type SeenMailbox, type TestStore } from './test-store.ts';

const AT_ONCE = 8;

/** Of a restore that is held up there, and what the step is called. */
type Step = (store: TestStore, before: () => Promise<void>) => TestStore;

const STEPS: Readonly<Record<string, Step>> = {
  'content is written': (store, before) => ({
    ...store,
    messages: {
      ...store.messages,
      write: async (...all) => {
        await before();
        return store.messages.write(...all);
      },
    },
  }),
  'its log is written': (store, before) => ({
    ...store,
    journal: {
      ...store.journal,
      write: async (...all) => {
        await before();
        return store.journal.write(...all);
      },
    },
  }),
  'content is held': (store, before) => ({
    ...store,
    renew: async (...all) => {
      await before();
      return store.renew(...all);
    },
  }),
  'the row is written': (store, before) => ({
    ...store,
    users: {
      ...store.users,
      write: async (...all) => {
        await before();
        return store.users.write(...all);
      },
      switchAccount: async (...all) => {
        await before();
        return store.users.switchAccount(...all);
      },
    },
  }),
};

describe('restores of one user at the same time', () => {
  let source: TestStore;
  let directory: string;
  let set: BackupSet;
  let manifest: Manifest;
  let line: UserLine;
  let expected: readonly Omit<SeenMailbox, 'uidValidity'>[];
  before(async () => {
    source = await openTestStore();
    directory = await temporaryDirectory('backup');
    set = await openBackupSet(createDirectoryTarget(directory), undefined, { makes: true });
    for (const name of ['anna', 'bert']) {
      await source.addUser(name);
      for (let n = 0; n < 3; n += 1)
        await source.append(name, 'INBOX', Buffer.from(`Subject: ${name} ${String(n)}\r\n\r\nx\r\n`));
    }
    manifest = await createBackup(source, set);
    const found = await findUser(set, manifest, 'anna');
    assert.ok(found !== undefined);
    line = found;
    expected = withoutUidValidity(await source.look('anna'));
  });
  after(async () => {
    await source.close();
    await rm(directory, { recursive: true, force: true });
  });

  const assertRestored = async (store: TestStore): Promise<void> => {
    assert.deepEqual(withoutUidValidity(await store.look('anna')), expected);
    assert.deepEqual(await store.damages(), []);
    assert.equal((await store.users.find(line.id))?.isClaimed, false);
    await assertNoAbandonedLogs(store);
  };
  const assertOne = (outcomes: readonly PromiseSettledResult<unknown>[], refused: RegExp): void => {
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') assert.match((outcome.reason as Error).message, refused);
  };
  const times = (run: () => Promise<unknown>): Promise<PromiseSettledResult<unknown>[]> =>
    Promise.allSettled(Array.from({ length: AT_ONCE }, run));

  it('one goes on, and each other is refused', async () => {
    const store = await openTestStore();
    try {
      const underWay = /^another restore of user anna is under way, or was interrupted$/;
      assertOne(await times(() => restoreUser(store, set, line, {})), underWay);
      await assertRestored(store);
      const { account } = await store.user('anna');
      assertOne(await times(() => replaceAccount(store, set, line, {})), underWay);
      assert.notEqual((await store.user('anna')).account, account);
      await assertRestored(store);
    } finally {
      await store.close();
    }
  });

  it('of those that take places, the ones whose place was taken say so', async () => {
    const store = await openTestStore();
    try {
      const outcomes = await times(() => restoreUser(store, set, line, { takesOver: true }));
      assertOne(outcomes, /has taken this one's place|is there by now|keeps changing/);
      await assertRestored(store);
    } finally {
      await store.close();
    }
  });

  it('of a whole store: one goes on', async () => {
    const store = await openTestStore();
    try {
      const refused = /restore has begun on this database|unfinished restore of backup|the store holds user/;
      assertOne(await times(() => restoreStore(store, set, manifest, {})), refused);
      await assertRestored(store);
      assert.equal(await readUnfinished(store.database), undefined);
    } finally {
      await store.close();
    }
  });

  for (const [name, step] of Object.entries(STEPS)) {
    it(`one that was held up before ${name} writes nothing after its place was taken`, async () => {
      const store = await openTestStore();
      const heldUp = async (restore: typeof restoreUser): Promise<void> => {
        let passages = 0;
        let then: string | undefined;
        const slow = step(store, async () => {
          if ((passages += 1) > 1) return;
          await assert.rejects(restore(store, set, line, {}), { name: 'RestoreUnderWay' });
          await restore(store, set, line, { takesOver: true });
          then = (await store.user('anna')).account;
        });
        await assert.rejects(restore(slow, set, line, {}), /Another restore of user anna has taken this one's place/);
        assert.equal((await store.user('anna')).account, then);
        await assertRestored(store);
      };
      try {
        await heldUp(restoreUser);
        await heldUp(replaceAccount);
      } finally {
        await store.close();
      }
    });

    it(`a whole store's that was held up before ${name} has not restored it`, async () => {
      const store = await openTestStore();
      try {
        let passages = 0;
        const slow = step(store, async () => {
          if ((passages += 1) === 1) await restoreStore(store, set, manifest, { goesOn: true });
        });
        await assert.rejects(restoreStore(slow, set, manifest, {}), /has taken this one's place/);
        await assertRestored(store);
        assert.equal(await readUnfinished(store.database), undefined);
      } finally {
        await store.close();
      }
    });
  }

  it('one that goes on before the one that took its place is done writes nothing either', async () => {
    const store = await openTestStore();
    const overtaken = async (restore: typeof restoreUser): Promise<void> => {
      const taken = Promise.withResolvers<undefined>();
      let second: Promise<unknown> | undefined;
      const slow = step('the row is written')(store, async () => {
        const waiting = step('the row is written')(store, async () => {
          taken.resolve(undefined);
          await first;
        });
        second = restore(waiting, set, line, { takesOver: true });
        await Promise.race([taken.promise, second]);
      });
      const first = assert.rejects(restore(slow, set, line, {}), /has taken this one's place/);
      await first;
      await second;
      await assertRestored(store);
    };
    try {
      await overtaken(restoreUser);
      await overtaken(replaceAccount);
    } finally {
      await store.close();
    }
  });

  it('one of the whole store and one of a user: the later is refused, and a resumed store goes over the user', async () => {
    const store = await openTestStore();
    const bert = await findUser(set, manifest, 'bert');
    assert.ok(bert !== undefined);
    try {
      const sentences: string[] = [];
      const whole = step('content is held')(store, async () => {
        for (const one of sentences.length === 0 ? [line, bert] : [])
          await restoreUser(store, set, one, {}).catch((error: unknown) => sentences.push(String(error)));
      });
      await restoreStore(whole, set, manifest, {});
      // Of the two, one is just being restored.
      assert.match(sentences.sort()[0] ?? '', /a restore of the whole store, of backup .* is under way/);
      assert.match(sentences[1] ?? '', /another restore of user .* is under way/);
      await assertRestored(store);
    } finally {
      await store.close();
    }
    const other = await openTestStore();
    try {
      let isDone = false;
      const alone = step('the row is written')(other, async () => {
        await assert.rejects(restoreStore(other, set, manifest, {}), /a restore of user anna alone is under way/);
        assert.equal(await readUnfinished(other.database), undefined);
        await restoreStore(other, set, manifest, { goesOn: true });
        isDone = true;
      });
      await assert.rejects(restoreUser(alone, set, line, {}), /has taken this one's place/);
      assert.ok(isDone);
      await assertRestored(other);
    } finally {
      await other.close();
    }
  });

  it('two users at the same time are nothing to each other', async () => {
    const store = await openTestStore();
    try {
      const bert = await findUser(set, manifest, 'bert');
      assert.ok(bert !== undefined);
      await Promise.all([restoreUser(store, set, line, {}), restoreUser(store, set, bert, {})]);
      await assertRestored(store);
      assert.equal((await store.look('bert'))[0]?.messages.length, 3);
    } finally {
      await store.close();
    }
  });

  it('a user who is removed meanwhile, before or while the restore works, does not come back by it', async () => {
    const store = await openTestStore();
    try {
      await restoreUser(store, set, line, {});
      const removed = step('the row is written')(store, async () => {
        await store.rooms.accounts.remove(line.id);
      });
      await assert.rejects(replaceAccount(removed, set, line, {}), /or the user was removed meanwhile/);
      assert.equal(await store.users.find(line.id), undefined);
      await assertNoAbandonedLogs(store);
      await restoreUser(store, set, line, {});
      await assertRestored(store);
      await store.rooms.accounts.remove(line.id);
      await assert.rejects(restoreUser(removed, set, line, {}), /or the user was removed meanwhile/);
      // The name is free, whatever the late one has reserved.
      assert.notEqual((await store.addUser('anna')).id, line.id);
      await assertNoAbandonedLogs(store);
      assert.deepEqual(await store.damages(), []);
    } finally {
      await store.close();
    }
  });
});

function step(name: string): Step {
  const found = STEPS[name];
  assert.ok(found !== undefined);
  return found;
}
