import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import {
  createBackup,
  createDirectoryTarget,
  openBackupSet,
  pruneBackups,
  readManifests,
  restoreStore,
  verifyBackups,
  type BackupSet,
  type Manifest,
} from '../../lib/backup/index.ts';
import type { TargetObject } from '../../lib/backup/backup-target.ts';
import { migrateDatabase, openDatabaseCopy, readUnfinished } from '../../lib/db/index.ts';
import { temporaryDirectory } from '../support/embedded-engine.ts';
import { openTestDatabase } from '../support/database.ts';
import { openTestStore, type TestStore } from './test-store.ts';

describe('a store that is half restored', () => {
  let source: TestStore;
  let directory: string;
  let set: BackupSet;
  let first: Manifest;
  let second: Manifest;
  before(async () => {
    source = await openTestStore();
    directory = await temporaryDirectory('backup');
    set = await openBackupSet(createDirectoryTarget(directory), undefined, { makes: true });
    for (const name of ['anna', 'bert', 'carl']) {
      await source.addUser(name);
      await source.append(name, 'INBOX', Buffer.from(`Subject: ${name}\r\n\r\nx\r\n`));
    }
    first = await createBackup(source, set);
    second = await createBackup(source, set, { isFull: true });
  });
  after(async () => {
    await source.close();
    await rm(directory, { recursive: true, force: true });
  });

  /** A restore of the first backup that ends after the log of its second user. */
  const openHalf = async (): Promise<{ half: TestStore; account: string }> => {
    const half = await openTestStore();
    let logs = 0;
    const accounts: string[] = [];
    const cut = {
      ...half,
      journal: {
        ...half.journal,
        write: async (...written: Parameters<TestStore['journal']['write']>) => {
          const result = await half.journal.write(...written);
          accounts.push(written[0]);
          if ((logs += 1) === 2) throw new Error('killed');
          return result;
        },
      },
      // The dead clear nothing up.
      mailboxes: { ...half.mailboxes, closeAccount: () => Promise.reject(new Error('killed')) },
    };
    await assert.rejects(restoreStore(cut, set, first, {}), /killed/);
    return { half, account: accounts[1] ?? '' };
  };

  it('says so, goes on with the same backup only, and leaves no log that nobody names', async () => {
    const { half, account } = await openHalf();
    try {
      assert.deepEqual(await readUnfinished(half.database), { kind: 'restore', source: first.id });
      await assert.rejects(restoreStore(half, set, first, {}), { name: 'StoreNotEmpty' });
      await assert.rejects(restoreStore(half, set, second, { goesOn: true }), /unfinished restore of backup/);
      await assert.rejects(restoreStore(half, set, first, { goesOn: true, until: 1 }), /unfinished restore of backup/);
      assert.equal((await half.mailboxes.list(account as never)).length > 0, true);
      const report = await restoreStore(half, set, first, { goesOn: true });
      assert.deepEqual([report.users, report.present, report.messages], [2, 1, 2]);
      assert.equal(await readUnfinished(half.database), undefined);
      assert.deepEqual(await half.damages(), []);
      await assert.rejects(half.mailboxes.list(account as never), { code: 'user-not-found' });
    } finally {
      await half.close();
    }
  });

  /**
   * A restore whose log another one, which is killed then, takes for abandoned at a moment that `overtaken` chooses.
   * @returns users, and those of them that were there, of the restore that goes on with it
   */
  const restoreOvertaken = async (
    overtaken: (restored: TestStore, overtake: () => Promise<void>) => TestStore,
  ): Promise<readonly number[]> => {
    const restored = await openTestStore();
    try {
      const killed = {
        ...restored,
        journal: { ...restored.journal, write: () => Promise.reject(new Error('killed')) },
      };
      const overtake = (): Promise<void> =>
        assert.rejects(restoreStore(killed, set, first, { goesOn: true }), /killed/);
      await assert.rejects(restoreStore(overtaken(restored, overtake), set, first, {}), { code: 'unavailable' });
      assert.equal((await readUnfinished(restored.database))?.source, first.id);
      const { users, present } = await restoreStore(restored, set, first, { goesOn: true });
      assert.deepEqual(await restored.damages(), []);
      return [users, present];
    } finally {
      await restored.close();
    }
  };

  it('is not said to be whole by a restore whose log another one took for abandoned', async () => {
    let renewals = 0;
    const [users] = await restoreOvertaken((restored, overtake) => ({
      ...restored,
      renew: async (account, ids) => {
        if ((renewals += 1) === 2) await overtake();
        return restored.renew(account, ids);
      },
    }));
    assert.equal(users, 2);
  });

  it('is made whole where the log was taken for abandoned right before the row came to name it', async () => {
    let rows = 0;
    const counts = await restoreOvertaken((restored, overtake) => ({
      ...restored,
      users: {
        ...restored.users,
        write: async (row, account) => {
          if ((rows += 1) === 2) await overtake();
          return restored.users.write(row, account);
        },
      },
    }));
    assert.deepEqual(counts, [2, 1]);
  });

  it('is no source and no target of a migration', async () => {
    const { half } = await openHalf();
    const empty = await openTestDatabase();
    try {
      await assert.rejects(openDatabaseCopy(half.database, empty, 'x'), /source itself holds an unfinished restore/);
      await assert.rejects(openDatabaseCopy(source.database, half.database, 'x'), /target holds an unfinished restore/);
      assert.equal(await readUnfinished(empty), undefined);
    } finally {
      await half.close();
      await empty.close();
    }
  });

  it('stays one of a migration while somebody writes to the source, and is done when nobody does', async () => {
    const empty = await openTestDatabase();
    const nothing = (): void => undefined;
    const migrate = (requireStill: () => Promise<void>): ReturnType<typeof migrateDatabase> =>
      migrateDatabase(source.database, empty, {
        sourceName: 'x',
        isStill: true,
        requireStill,
        onProgress: nothing,
        onMended: nothing,
      });
    try {
      await assert.rejects(
        migrate(() => Promise.reject(new Error('a server serves'))),
        /a server serves/,
      );
      assert.equal((await readUnfinished(empty))?.kind, 'migration');
      assert.equal((await migrate(() => Promise.resolve())).isFinished, true);
      assert.equal(await readUnfinished(empty), undefined);
    } finally {
      await empty.close();
    }
  });

  it('is none where nothing was begun: a dry run, or a server that was there first', async () => {
    const restored = await openTestStore();
    try {
      await restoreStore(restored, set, first, { isDryRun: true });
      assert.equal(await readUnfinished(restored.database), undefined);
      const whenMarked = async (): Promise<void> => {
        assert.equal((await readUnfinished(restored.database))?.source, first.id);
        throw new Error('a server serves');
      };
      await assert.rejects(restoreStore(restored, set, first, { whenMarked }), /a server serves/);
      assert.equal(await readUnfinished(restored.database), undefined);
      assert.equal(await restored.users.count(), 0);
    } finally {
      await restored.close();
    }
  });
});

describe('a backup whose target another has taken over, by a clock that is wrong', () => {
  it('writes no manifest', async () => {
    const store = await openTestStore();
    const directory = await temporaryDirectory('backup');
    try {
      const target = createDirectoryTarget(directory);
      const set = await openBackupSet(target, undefined, { makes: true });
      await store.addUser('anna');
      const other = { ...store.clock, now: () => store.clock.now() + 3_600_000 };
      const overtaken: BackupSet = {
        ...bound(set),
        write: async (name, octets) => {
          if (name.includes('catalogue')) await pruneBackups(set, other, { last: 1, daily: 0, weekly: 0, monthly: 0 });
          return set.write(name, octets);
        },
      };
      await assert.rejects(createBackup(store, overtaken), /another process has taken the target over/);
      assert.deepEqual(await readManifests(set), []);
    } finally {
      await store.close();
      await rm(directory, { recursive: true, force: true });
    }
  });
});

describe('a backup that was interrupted, and then half pruned', () => {
  it('is not gone on with, in whatever order the target lists it', async () => {
    const store = await openTestStore();
    const directory = await temporaryDirectory('backup');
    try {
      const target = createDirectoryTarget(directory);
      const set = await openBackupSet(target, undefined, { makes: true });
      await store.addUser('anna');
      await createBackup(store, set);
      await store.append('anna', 'INBOX', Buffer.from('Subject: new\r\n\r\nx\r\n'));
      const diesOn = (name: RegExp): BackupSet => ({
        ...bound(set),
        write: (own, octets) => (name.test(own) ? Promise.reject(new Error('killed')) : set.write(own, octets)),
      });
      await assert.rejects(createBackup(store, diesOn(/manifest$/)), /killed/);
      let removed = 0;
      const dying: BackupSet = {
        ...bound(set),
        target: {
          ...target,
          list: async function* (prefix) {
            const listed: TargetObject[] = [];
            for await (const object of target.list(prefix)) listed.push(object);
            yield* listed.reverse();
          },
          remove: async (name) => {
            if (name.startsWith('backups/') && (removed += 1) > 2) throw new Error('killed');
            await target.remove(name);
          },
        },
      };
      const keepsOne = { last: 1, daily: 0, weekly: 0, monthly: 0 };
      await assert.rejects(pruneBackups(dying, store.clock, keepsOne), /killed/);
      const { id } = await createBackup(store, set);
      const damages: string[] = [];
      await verifyBackups(set, { backup: id, onDamage: (sentence) => void damages.push(sentence) });
      assert.deepEqual(damages, []);
    } finally {
      await store.close();
      await rm(directory, { recursive: true, force: true });
    }
  });
});

/** The set's functions, to be replaced one at a time. */
function bound(set: BackupSet): BackupSet {
  return {
    target: set.target,
    key: set.key,
    write: (name, octets) => set.write(name, octets),
    read: (ref) => set.read(ref),
    readNamed: (name) => set.readNamed(name),
    contentName: (hash) => set.contentName(hash),
  };
}
