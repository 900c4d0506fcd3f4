import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { createBackup, createDirectoryTarget, openBackupSet, restoreStore } from '../../lib/backup/index.ts';
import { compareDatabases, migrateDatabase, type Database } from '../../lib/db/index.ts';
import { openTestDatabase } from '../support/database.ts';
import { EVERY_ROW } from '../support/every-row.ts';
import { temporaryDirectory } from '../support/embedded-engine.ts';
import { collections } from '../../workers/collections.ts';
import { openTestStore, type TestStore } from './test-store.ts';

/** What a restore writes in another form than it was read in. */
const IN_ANOTHER_FORM = new Map([['journal', 'a restored log begins with checkpoints']]);

const FILE = Buffer.from(Uint8Array.from({ length: 90_000 }, (_, index) => (index * 31 + (index >> 8)) & 0xff))
  .toString('base64')
  .replace(/.{76}/g, '$&\r\n');
const MESSAGE = Buffer.from(
  'Subject: file\r\nMIME-Version: 1.0\r\nContent-Type: application/pdf\r\n' +
    `Content-Transfer-Encoding: base64\r\n\r\n${FILE}\r\n`,
);

async function countIn({ db }: Database, name: string): Promise<number> {
  return db.collection(name).countDocuments(EVERY_ROW);
}

describe('every collection that Eider writes', () => {
  let source: TestStore;
  let directory: string;
  before(async () => {
    source = await openTestStore();
    directory = await temporaryDirectory('backup');
    await source.addUser('anna');
    await source.append('anna', 'INBOX', MESSAGE);
    await source.addUser('gone');
    await source.rooms.accounts.remove((await source.user('gone')).id);
    for (const { name, backup } of collections)
      if (backup !== 'carried') await source.database.collection(name).insertOne({ _id: 'own' as never });
  });
  after(async () => {
    await source.close();
    await rm(directory, { recursive: true, force: true });
  });

  it('comes back from a backup, or is left out with a reason', async () => {
    const set = await openBackupSet(createDirectoryTarget(directory), undefined, { makes: true });
    const manifest = await createBackup(source, set);
    const restored = await openTestStore();
    try {
      await restoreStore(restored, set, manifest, {});
      for (const { name, backup } of collections) {
        const count = await countIn(restored.database, name);
        if (backup !== 'carried') {
          assert.match(backup.leftOut, /\w+ \w+/, name);
          assert.equal(count, 0, `${name} is said to be left out of backups, and is in them`);
        } else if (!IN_ANOTHER_FORM.has(name))
          assert.ok(count > 0, `${name} is said to be carried by backups, and a restored store has nothing of it`);
      }
    } finally {
      await restored.close();
    }
  });

  it('goes along with a migration', async () => {
    const target = await openTestDatabase();
    try {
      const nothing = (): void => undefined;
      const options = { sourceName: 'source', isStill: true, onProgress: nothing, onMended: nothing };
      const { isFinished } = await migrateDatabase(source.database, target, options);
      assert.ok(isFinished);
      const { differences } = await compareDatabases(source.database, target, { onDifference: nothing });
      assert.equal(differences, 0);
      for (const { name } of collections) {
        const count = await countIn(source.database, name);
        assert.equal(await countIn(target, name), count, name);
      }
    } finally {
      await target.close();
    }
  });
});
