import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  createBackup,
  createDirectoryTarget,
  createS3Target,
  findUser,
  openBackupSet,
  readManifests,
  replaceAccount,
  restoreStore,
  restoreUser,
  verifyBackups,
  type BackupSet,
  type Manifest,
  type UserLine,
} from '../../lib/backup/index.ts';
import { systemClock } from '../../lib/kernel/clock.ts';
import { temporaryDirectory } from '../support/embedded-engine.ts';
import { startS3Server } from '../support/s3-server.ts';
import { assertNoAbandonedLogs } from './killed-site.ts';
import { openTestStore, withoutUidValidity, type TestStore } from './test-store.ts';

const ODD_NAMES = [
  'a%b*c',
  'q"u\\o',
  'Größe 📬',
  'ｗｉｄｅ',
  '&-&',
  ' spaced ',
  'e\u0301',
  '$where',
  '__proto__',
  'a.b',
];
const DAY_MS = 86_400_000;

describe('a restore after a disaster', () => {
  let source: TestStore;
  let directory: string;
  let set: BackupSet;
  let manifest: Manifest;
  const seen = async (store: TestStore, name: string): Promise<unknown> => withoutUidValidity(await store.look(name));
  const lineOf = async (name: string, of = manifest): Promise<UserLine> => {
    const found = await findUser(set, of, name);
    assert.ok(found !== undefined);
    return found;
  };
  const withStore = async (run: (store: TestStore) => Promise<void>): Promise<void> => {
    const store = await openTestStore();
    try {
      await run(store);
    } finally {
      await store.close();
    }
  };
  before(async () => {
    source = await openTestStore();
    directory = await temporaryDirectory('backup');
    set = await openBackupSet(createDirectoryTarget(directory), undefined, { makes: true });
    await source.addUser('anna', 5_000_000);
    await source.addUser('nobody');
    const { account } = await source.user('anna');
    for (const name of ODD_NAMES) await source.rooms.mailboxes.create(account, name);
    for (const path of ['INBOX', ...ODD_NAMES])
      await source.append('anna', path, Buffer.from(`Subject: ${path}\r\n\r\n${'x'.repeat(500)}\r\n`));
    manifest = await createBackup(source, set);
  });
  after(async () => {
    await source.close();
    await rm(directory, { recursive: true, force: true });
  });

  it('brings back mailboxes of any name, and an account without a message', async () => {
    await withStore(async (store) => {
      await restoreStore(store, set, manifest, {});
      for (const name of ['anna', 'nobody']) assert.deepEqual(await seen(store, name), await seen(source, name));
      assert.deepEqual(await store.damages(), []);
    });
  });

  it('is refused where the clock is before the backup, and nothing is written', async () => {
    await withStore(async (store) => {
      const line = await lineOf('anna');
      const back = { ...store, clock: { ...store.clock, now: () => line.at - 30 * DAY_MS } };
      const sentence = /^The clock here says .*, before the backup, of .*set the clock first$/;
      await assert.rejects(restoreUser(back, set, line, {}), { code: 'unavailable', message: sentence });
      await assert.rejects(restoreStore(back, set, manifest, {}), { code: 'unavailable', message: sentence });
      assert.equal(await store.users.count(), 0);
      await restoreStore(store, set, manifest, {});
      assert.deepEqual(await store.damages(), []);
    });
  });

  it('draws UIDVALIDITYs above those of a user who was removed half-way, and finishes what that left', async () => {
    await withStore(async (store) => {
      const line = await lineOf('anna');
      await restoreUser(store, set, line, {});
      const before = await store.look('anna');
      const most = Math.max(...before.map(({ uidValidity }) => uidValidity));
      const { account } = await store.user('anna');
      // Killed after the mark.
      const marked = { $set: { isRemoving: true } };
      await store.database.collection('users').updateOne({ _id: line.id }, marked);
      await restoreUser(store, set, line, {});
      assert.deepEqual(await seen(store, 'anna'), await seen(source, 'anna'));
      for (const { uidValidity } of await store.look('anna')) assert.ok(uidValidity > most);
      assert.notEqual((await store.user('anna')).account, account);
      await assertNoAbandonedLogs(store);
      assert.deepEqual(await store.damages(), []);
    });
  });

  it('names the other user where the name is taken, and leaves that one alone', async () => {
    await withStore(async (store) => {
      const other = await store.addUser('anna');
      const line = await lineOf('anna');
      const taken = { code: 'user-exists', message: /^The user name anna is another user's/ };
      await assert.rejects(restoreUser(store, set, line, {}), taken);
      // Whose name is taken while the log is written.
      await store.rooms.accounts.remove(other.id);
      const slow: TestStore = {
        ...store,
        renew: async (...all) => {
          if ((await store.rooms.accounts.findByUsername('anna')) === undefined) await store.addUser('anna');
          return store.renew(...all);
        },
      };
      await assert.rejects(restoreUser(slow, set, line, {}), taken);
      assert.notEqual((await store.user('anna')).id, line.id);
      assert.equal(await store.users.find(line.id), undefined);
      await assertNoAbandonedLogs(store);
      assert.deepEqual(await store.damages(), []);
    });
  });

  it('keeps a quota that is lower than what it brings back, and the mail', async () => {
    await withStore(async (store) => {
      const line = await lineOf('anna');
      await restoreUser(store, set, line, {});
      await store.rooms.accounts.update(line.id, { quotaOctets: 100 });
      await replaceAccount(store, set, line, {});
      assert.deepEqual(await seen(store, 'anna'), await seen(source, 'anna'));
      const usage = await store.mailboxes.usage((await store.user('anna')).account);
      assert.equal(usage.quotaOctets, 100);
      assert.ok(usage.octets > 100);
      assert.deepEqual(await store.damages(), []);
      await assert.rejects(store.append('anna', 'INBOX', Buffer.from('Subject: more\r\n\r\nx\r\n')), {
        code: 'over-quota',
      });
    });
  });

  it('is refused for a time before the account had a journal, and nothing is written', async () => {
    await withStore(async (store) => {
      await assert.rejects(restoreUser(store, set, await lineOf('anna'), { until: 1000 }), Error);
      assert.equal(await store.users.count(), 0);
      await assertNoAbandonedLogs(store);
      await restoreUser(store, set, await lineOf('anna'), {});
      assert.deepEqual(await store.damages(), []);
    });
  });

  it('goes by the backup that is named, whatever became of others; those are named', async () => {
    const second = await createBackup(source, set, { isFull: true });
    const path = join(directory, 'backups', second.id, 'manifest');
    const octets = await readFile(path);
    for (const [damaged, sentence] of [
      [octets.subarray(0, octets.length >> 1), /manifest: its hash is not that of its octets/],
      [Buffer.alloc(0), /manifest: it is not an object of a backup/],
      [Buffer.concat([octets.subarray(0, 8), Buffer.from([9]), octets.subarray(9)]), /its format 9 is not known here/],
    ] as const) {
      await writeFile(path, damaged);
      await assert.rejects(readManifests(set), { name: 'DamagedObject', message: sentence });
      const damages: string[] = [];
      assert.deepEqual(
        (await readManifests(set, (damage) => void damages.push(damage))).map(({ id }) => id),
        [manifest.id],
      );
      assert.match(damages.join('\n'), sentence);
    }
    await rm(path);
  });

  it('leaves the users of a damaged piece of the catalogue out on demand, and brings the others back', async () => {
    const piece = manifest.catalogue[0];
    assert.ok(piece !== undefined);
    const path = join(directory, piece.name);
    const octets = await readFile(path);
    await writeFile(path, octets.subarray(0, -1));
    try {
      await withStore(async (store) => {
        await assert.rejects(restoreStore(store, set, manifest, {}), /catalogue-000001: it ends early/);
        const damages: string[] = [];
        const onDamage = (damage: string): void => void damages.push(damage);
        await restoreStore(store, set, manifest, { onDamage, goesOn: true });
        assert.equal(damages.length, 1);
        assert.match(damages[0] ?? '', /ends early; every user in this piece of the catalogue is left out/);
      });
    } finally {
      await writeFile(path, octets);
    }
  });
});

describe('a target that fails', () => {
  let store: TestStore;
  let directory: string;
  before(async () => {
    store = await openTestStore();
    directory = await temporaryDirectory('backup');
    await store.addUser('anna');
    for (let n = 0; n < 4; n += 1)
      await store.append(
        'anna',
        'INBOX',
        Buffer.from(`Subject: ${String(n)}\r\n\r\n${randomBytes(99_000).toString('hex')}\r\n`),
      );
  });
  after(async () => {
    await store.close();
    await rm(directory, { recursive: true, force: true });
  });

  it('says what is in the place of its folder, and is gone on with once that is away', async () => {
    const root = join(directory, 'set');
    const set = await openBackupSet(createDirectoryTarget(root), undefined, { makes: true });
    await writeFile(join(root, 'backups'), '');
    await assert.rejects(createBackup(store, set), { name: 'TargetError', message: /cannot be listed: ENOTDIR/ });
    await rm(join(root, 'backups'));
    assert.equal((await createBackup(store, set)).counts.messages, 4);
  });

  it('that has an attachment by name only is given it by the next backup', async () => {
    const root = join(directory, 'set');
    const set = await openBackupSet(createDirectoryTarget(root), undefined);
    const files = await readdir(join(root, 'attachments'), { recursive: true, withFileTypes: true });
    const [emptied] = files.filter((file) => file.isFile());
    assert.ok(emptied !== undefined);
    await writeFile(join(emptied.parentPath, emptied.name), '');
    const { id } = await createBackup(store, set, { isFull: true });
    await verifyBackups(set, { backup: id, onDamage: (damage) => assert.fail(damage) });
  });

  it('that is full half-way is a sentence; there is no backup until there is room, and then a whole one', async (context) => {
    const root = join(directory, 'disk');
    await mkdir(root);
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=0700', 'tmpfs', root]).status === 0;
    if (!mounted) {
      context.skip('no file system can be mounted');
      return;
    }
    try {
      const filler = join(root, 'filler');
      await writeFile(filler, Buffer.alloc(900_000));
      const set = await openBackupSet(createDirectoryTarget(root), undefined, { makes: true });
      const full = {
        name: 'TargetError',
        message: / cannot be written to .*: ENOSPC: no space left on device/,
      };
      await assert.rejects(createBackup(store, set), full);
      assert.deepEqual(await readManifests(set), []);
      await rm(filler);
      assert.equal((await createBackup(store, set)).counts.messages, 4);
      const damages: string[] = [];
      await verifyBackups(set, { onDamage: (damage) => void damages.push(damage) });
      assert.deepEqual(damages, []);
      assert.deepEqual(
        (await readdir(root, { recursive: true })).filter((name) => name.includes('.part-')),
        [],
      );
    } finally {
      spawnSync('umount', ['--lazy', root]);
    }
  });

  it('that answers a list with something else is not taken for an empty one', async () => {
    const credentials = { accessKeyId: 'id', secretAccessKey: 'secret', sessionToken: '' };
    const server = await startS3Server(credentials);
    try {
      const { endpoint, bucket } = server;
      const target = createS3Target({
        ...{ endpoint, bucket, credentials, region: 'eu-test-1', prefix: '', clock: systemClock },
        firstPauseMs: 1,
      });
      const set = await openBackupSet(target, undefined, { makes: true });
      server.failNext(1, 'elsewhere');
      await assert.rejects(readManifests(set), { name: 'TargetError', message: /answers something else than a list/ });
      server.failNext(6, 'busy');
      await assert.rejects(readManifests(set), { name: 'TargetError', message: /refuses a list: 503 SlowDown/ });
      server.failNext(6, 'cut');
      await assert.rejects(readManifests(set), { name: 'TargetError', message: /cannot be reached/ });
      assert.deepEqual(await readManifests(set), []);
    } finally {
      await server.close();
    }
  });
});
