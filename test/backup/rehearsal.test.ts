import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import {
  backupKey,
  chooseBackup,
  createBackup,
  createDirectoryTarget,
  findUser,
  openBackupSet,
  readManifests,
  replaceAccount,
  restoreMailbox,
  restoreStore,
  verifyBackups,
  type BackupSet,
  type Manifest,
} from '../../lib/backup/index.ts';
import { LOCKS, type BackupTarget } from '../../lib/backup/backup-target.ts';
import { openDatabaseCopy } from '../../lib/db/index.ts';
import { SystemFlag } from '../../lib/journal/index.ts';
import { corpusMessages } from '../support/corpora.ts';
import { temporaryDirectory } from '../support/embedded-engine.ts';
import { openTestStore, withoutUidValidity, type SeenMailbox, type TestStore } from './test-store.ts';

const KEY = backupKey(randomBytes(32));
const SEEN = { system: SystemFlag.seen, keywords: ['$Forwarded', 'blue'] };

/** A message with an attachment of its own size, which several accounts get. */
function withAttachment(octets: number, seed: number): Buffer {
  const content = Buffer.from(Uint8Array.from({ length: octets }, (_, index) => (index * (seed + 7)) & 0xff));
  const encoded = content.toString('base64').replace(/.{76}/g, '$&\r\n');
  return Buffer.from(
    'From: a@example.com\r\nTo: b@example.com\r\nSubject: file\r\nMIME-Version: 1.0\r\n' +
      'Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nsee file\r\n' +
      `--x\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n${encoded}\r\n--x--\r\n`,
  );
}

/** A target that ends as a killed process would, after so many writes; but the process lives, and gives its lock back. */
function failingAfter(target: BackupTarget, writes: number): BackupTarget {
  let left = writes;
  return {
    ...target,
    put: async (name, octets) => {
      left -= 1;
      if (left < 0 && !name.startsWith(LOCKS)) throw new Error('killed');
      await target.put(name, octets);
    },
  };
}

describe('a restore rehearsal', () => {
  let source: TestStore;
  let directory: string;
  let target: BackupTarget;
  let set: BackupSet;
  let full: Manifest;
  let incremental: Manifest;
  /** What anna sees at the full backup, between two records after it, and at the incremental one. */
  const seen: { full?: readonly SeenMailbox[]; between?: readonly SeenMailbox[]; last?: readonly SeenMailbox[] } = {};
  let betweenAt = 0;

  before(async () => {
    source = await openTestStore();
    directory = await temporaryDirectory('backup');
    target = createDirectoryTarget(directory);
    set = await openBackupSet(target, KEY, { makes: true });
    await source.addUser('anna');
    await source.addUser('bert');
    await source.addUser('gone');
    const file = withAttachment(300_000, 3);
    await source.append('bert', 'INBOX', file);
    await source.append('gone', 'INBOX', file);
    const corpus = corpusMessages().slice(0, 60);
    for (const [index, { octets }] of corpus.entries())
      await source.append('anna', index % 3 === 0 ? 'Sent' : 'INBOX', octets, index % 2 === 0 ? SEEN : undefined);
    await source.append('anna', 'INBOX', file);
    seen.full = await source.look('anna');
    full = await createBackup(source, set);
    await changeAfterFull(source);
    seen.between = await source.look('anna');
    betweenAt = source.clock.now();
    source.advance(2000);
    await changeAgain(source);
    seen.last = await source.look('anna');
    const cut = await openBackupSet(failingAfter(target, 4), KEY);
    await assert.rejects(createBackup(source, cut), /killed/);
    incremental = await createBackup(source, set);
  });
  after(async () => {
    await source.close();
    await rm(directory, { recursive: true, force: true });
  });

  it('backs up only what is new, and each attachment once', () => {
    assert.equal(full.kind, 'full');
    assert.equal(incremental.kind, 'incremental');
    assert.equal(incremental.previous, full.id);
    assert.equal(full.counts.users, 3);
    assert.equal(incremental.counts.users, 2);
    assert.ok(incremental.counts.messages <= 4, `${String(incremental.counts.messages)} messages`);
    assert.ok(incremental.counts.octets < full.counts.octets / 4);
    assert.deepEqual([...full.problems, ...incremental.problems], []);
  });

  it('reads every object and finds no damage', async () => {
    const damages: string[] = [];
    const report = await verifyBackups(set, { onDamage: (sentence) => damages.push(sentence) });
    assert.deepEqual(damages, []);
    assert.equal(report.backups, 2);
  });

  it('restores the whole store into an empty one, with UIDVALIDITYs that nobody has seen', async () => {
    const restored = await openTestStore();
    try {
      const report = await restoreStore(restored, set, incremental, {});
      assert.equal(report.users, 2);
      const anna = await restored.look('anna');
      assert.deepEqual(withoutUidValidity(anna), withoutUidValidity(seen.last ?? []));
      assertNewUidValidities(anna, [seen.full, seen.last]);
      assert.deepEqual(withoutUidValidity(await restored.look('bert')), withoutUidValidity(await source.look('bert')));
      assert.deepEqual(await restored.damages(), []);
      const before = await source.user('anna');
      const user = await restored.user('anna');
      assert.equal(user.id, before.id);
      assert.notEqual(user.account, before.account);
      assert.equal(user.authVersion, before.authVersion + 1);
      assert.ok(await (await restored.rooms.accounts.forLogin('anna')).verify('secret'));
      assert.equal((await restored.rooms.addresses.get('anna@example.com'))?.user, user.id);
      // A name that was given up begins above what its mailboxes had.
      assert.ok((await restored.users.retiredUidValidity((await restored.users.find(user.id))?.row ?? '')) === 0);
      await restored.append('anna', 'INBOX', Buffer.from('Subject: after\r\n\r\nwork goes on\r\n'));
      assert.deepEqual(await restored.damages(), []);
      await assert.rejects(restoreStore(restored, set, incremental, {}), /holds user/);
      const again = await restoreStore(restored, set, incremental, { goesOn: true });
      assert.deepEqual([again.users, again.present], [0, 2]);
    } finally {
      await restored.close();
    }
  });

  it('restores an earlier backup, and a point in time between two records', async () => {
    for (const [manifest, until, expected] of [
      [full, undefined, seen.full],
      [chooseBackup([full, incremental], { until: betweenAt }), betweenAt, seen.between],
    ] as const) {
      assert.ok(manifest !== undefined);
      const restored = await openTestStore();
      try {
        await restoreStore(restored, set, manifest, until === undefined ? {} : { until });
        assert.deepEqual(withoutUidValidity(await restored.look('anna')), withoutUidValidity(expected ?? []));
        assert.deepEqual(await restored.damages(), []);
      } finally {
        await restored.close();
      }
    }
  });

  it('gives a living user the account of the backup, under a new log', async () => {
    const before = await source.user('bert');
    await source.append('bert', 'INBOX', Buffer.from('Subject: later\r\n\r\nwill be gone\r\n'));
    const changed = await source.look('bert');
    const line = await findUser(set, full, 'bert');
    assert.ok(line !== undefined);
    await replaceAccount(source, set, line, {});
    const now = await source.look('bert');
    assert.equal(now.find(({ path }) => path === 'INBOX')?.messages.length, 1);
    assertNewUidValidities(now, [changed]);
    const after = await source.user('bert');
    assert.equal(after.id, before.id);
    assert.notEqual(after.account, before.account);
    await assert.rejects(source.mailboxes.list(before.account), { code: 'user-not-found' });
    assert.deepEqual(await source.damages(), []);
    // The next backup reads the new log from its beginning.
    const next = await createBackup(source, set);
    assert.equal(next.counts.changed, 1);
    assert.ok((await findUser(set, next, 'bert'))?.account === after.account);
  });

  it('puts one mailbox into the living account under another name', async () => {
    const { account } = await source.user('anna');
    const line = await findUser(set, full, 'anna');
    assert.ok(line !== undefined);
    const count = await restoreMailbox(source, set, line, { account, path: 'Sent', target: 'Sent of then' }, {});
    const now = await source.look('anna');
    const wanted = seen.full?.find(({ path }) => path === 'Sent')?.messages ?? [];
    const got = now.find(({ path }) => path === 'Sent of then')?.messages ?? [];
    assert.equal(count, wanted.length);
    const withoutPlace = (messages: typeof wanted): unknown =>
      messages.map(({ flags, internalDate, sha256 }) => ({ flags, internalDate, sha256 }));
    assert.deepEqual(withoutPlace(got), withoutPlace(wanted));
    assert.deepEqual(await source.damages(), []);
    const again = { account, path: 'Sent', target: 'Sent of then' };
    await assert.rejects(restoreMailbox(source, set, line, again, {}), { code: 'mailbox-exists' });
    await source.mailboxes.setQuota(account, 1000);
    await assert.rejects(restoreMailbox(source, set, line, { ...again, target: 'x' }, {}), { code: 'over-quota' });
    await source.mailboxes.setQuota(account, 0);
  });

  it('takes a database that was set back for another one, whatever its numbers', async () => {
    const fork = await openTestStore();
    try {
      const copy = await openDatabaseCopy(source.database, fork.database, 'source');
      await copy.run(() => undefined);
      await copy.finish();
      await source.append('anna', 'INBOX', Buffer.from('Subject: lost\r\n\r\nin one history\r\n'));
      await createBackup(source, set);
      for (const text of ['one', 'two', 'three'])
        await fork.append('anna', 'Sent', Buffer.from(`Subject: ${text}\r\n\r\nin the other\r\n`));
      const manifest = await createBackup(fork, set);
      assert.equal(manifest.counts.changed, 1);
      const restored = await openTestStore();
      try {
        await restoreStore(restored, set, manifest, {});
        assert.deepEqual(withoutUidValidity(await restored.look('anna')), withoutUidValidity(await fork.look('anna')));
        // A restored account that nobody has touched is nothing new.
        await createBackup(restored, set);
        const next = await createBackup(restored, set);
        assert.deepEqual([next.counts.changed, next.counts.messages], [0, 0]);
      } finally {
        await restored.close();
      }
    } finally {
      await fork.close();
    }
  });

  it('keeps a list of all backups, and refuses another key and none', async () => {
    assert.ok((await readManifests(set)).some(({ id }) => id === incremental.id));
    await assert.rejects(openBackupSet(target, backupKey(randomBytes(32))), { name: 'WrongKey' });
    await assert.rejects(openBackupSet(target, undefined), { name: 'WrongKey' });
  });
});

function assertNewUidValidities(
  now: readonly SeenMailbox[],
  earlier: readonly (readonly SeenMailbox[] | undefined)[],
): void {
  const values = now.map(({ uidValidity }) => uidValidity);
  assert.equal(new Set(values).size, values.length);
  for (const mailboxes of earlier)
    for (const { uidValidity } of mailboxes ?? [])
      assert.ok(
        values.every((value) => value > uidValidity),
        'a UIDVALIDITY is not above all earlier ones',
      );
}

async function changeAfterFull(store: TestStore): Promise<void> {
  const { account } = await store.user('anna');
  const inbox = await store.mailboxes.open(account, { path: 'INBOX' });
  await inbox.storeFlags([{ from: 1, to: 5 }], { mode: 'add', flags: { system: SystemFlag.flagged, keywords: ['x'] } });
  await inbox.move([{ from: 6, to: 8 }], { path: 'Trash' });
  await inbox.expunge([{ from: 10, to: 12 }], { force: true });
  inbox.close();
  await store.append('anna', 'Drafts', Buffer.from('Subject: draft\r\n\r\nnot sent\r\n'));
}

async function changeAgain(store: TestStore): Promise<void> {
  const { account } = await store.user('anna');
  await store.mailboxes.create(account, 'Work/Old');
  await store.mailboxes.rename(account, 'Work', 'Archive');
  await store.mailboxes.setSubscribed(account, 'Junk', false);
  await store.append('anna', 'Archive/Old', withAttachment(100_000, 9), SEEN);
  await store.mailboxes.remove(account, 'Drafts');
  await store.append('bert', 'INBOX', Buffer.from('Subject: to bert\r\n\r\nhello\r\n'));
  await store.rooms.accounts.remove((await store.user('gone')).id);
}
