import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { openJournalStore } from '../../lib/journal/index.ts';
import { runEider } from '../support/eider-command.ts';
import { ApiClient } from '../support/api-client.ts';
import { EVERY_ROW } from '../support/every-row.ts';
import { LmtpClient } from '../support/lmtp-client.ts';
import { openStoreOnDisk, storeText, type OpenedStore } from '../support/opened-store.ts';
import { withServerDatabase } from '../support/server-database.ts';
import { makeDataDir, startServer } from '../support/server-process.ts';

const message = (file: Buffer): Buffer =>
  Buffer.from(
    'From: a@example.org\r\nSubject: with a file\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n' +
      '--b\r\nContent-Type: text/plain\r\n\r\ntext\r\n--b\r\nContent-Type: application/octet-stream\r\n' +
      `Content-Transfer-Encoding: base64\r\n\r\n${file.toString('base64').replace(/(.{76})/g, '$1\r\n')}\r\n--b--\r\n`,
  );

describe('fsck --repair', () => {
  let data: Awaited<ReturnType<typeof makeDataDir>>;
  const fsck = (...flags: readonly string[]): ReturnType<typeof runEider> =>
    runEider(['fsck', '--data-dir', data.path, ...flags]);

  before(async () => {
    data = await makeDataDir();
    const server = await startServer(data.path);
    const api = new ApiClient(server.ready.api.url, server.ready.adminToken);
    await api.createUser('mended', 'correct horse', { address: 'mended@example.com' });
    const lmtp = await LmtpClient.connect(server.ready.lmtp);
    await lmtp.deliver(message(randomBytes(40_000)), ['mended@example.com']);
    await lmtp.quit();
    assert.equal(await server.stop(), 0);
  });
  after(() => data.remove());

  it('makes again what can be made again, looks once more, and says what it did', async () => {
    await withServerDatabase(data.path, async ({ db }) => {
      await db.collection('attachmentRefs').deleteMany(EVERY_ROW);
      await db.collection('messages').updateMany(EVERY_ROW, { $set: { parts: Buffer.from([0xff]) } });
      const { insertedId } = await db.collection<{ _id: string; v: number }>('addresses').insertOne({
        ...(await db.collection('addresses').findOne(EVERY_ROW)),
        _id: 'nobody@example.com',
        user: randomBytes(12),
      } as never);
      assert.equal(insertedId, 'nobody@example.com');
    });
    const found = await fsck();
    assert.equal(found.code, 1);
    assert.match(found.stdout, /missing-ref/);
    assert.match(found.stdout, /bad-rendering/);

    const repaired = await fsck('--repair');
    assert.match(repaired.stdout, /its attachments are referred to again/);
    assert.match(repaired.stdout, /it was rendered again/);
    assert.match(repaired.stdout, /repairs, clean\n$/);
    assert.equal(repaired.code, 0, repaired.stdout + repaired.stderr);
    assert.match((await fsck()).stdout, /^1 users, \d+ mailboxes, 1 messages: clean\n$/);
  });

  it('cannot make octets again, and goes on naming them', async () => {
    await withServerDatabase(data.path, async ({ db }) => {
      await db.collection('attachmentFiles.chunks').deleteMany(EVERY_ROW);
    });
    const repaired = await fsck('--repair');
    assert.equal(repaired.code, 1);
    assert.match(repaired.stdout, /unreadable: .*chunks are missing/);
    assert.match(repaired.stdout, /: 1 damaged\n$/);
  });
});

describe('fsck --repair of counters that base and head agree on', () => {
  let opened: OpenedStore;
  before(async () => {
    opened = await openStoreOnDisk();
  });
  after(() => opened.close());

  it('counts anew, and says what was wrong', async () => {
    const { store, dataDir } = opened;
    const user = await store.accounts.create({ username: 'off', password: undefined, address: 'off@example.com' });
    const { message } = await storeText(store, user.account, 'Subject: kept\r\n\r\n');
    await store.mailboxes.append(user.account, { path: 'INBOX' }, [message]);
    await store.mailboxes.fold(user.account);
    const journal = openJournalStore(store.database);
    await journal.removeRecords(user.account, 1, Infinity, 1);
    await store.mailboxes.remakeBase(user.account);
    for (const kind of ['base', 'head'] as const) {
      const standing = (await journal.readCheckpoint(user.account, kind)) ?? assert.fail();
      const mailboxes = standing.mailboxes.map((own) => (own.path === 'INBOX' ? { ...own, unseen: 4 } : own));
      await journal.replaceCheckpoint(user.account, { ...standing, mailboxes }, standing, kind);
    }
    const found = await runEider(['fsck', '--data-dir', dataDir]);
    assert.equal(found.code, 1);
    assert.match(found.stdout, /^damage: user off: mailbox INBOX, unseen: 4 kept, 1 counted\n.*: 1 damaged\n$/);
    const repaired = await runEider(['fsck', '--repair', '--data-dir', dataDir]);
    assert.match(repaired.stdout, /repaired: user off: counted anew: mailbox INBOX, unseen: 4 kept, 1 counted\n/);
    assert.match(repaired.stdout, /: 2 repairs, clean\n$/);
    assert.equal(repaired.code, 0);
  });
});

describe('fsck --repair of a journal with a hole below its head', () => {
  let opened: OpenedStore;
  before(async () => {
    opened = await openStoreOnDisk();
  });
  after(() => opened.close());

  it('makes the base anew of the head, also after it was killed in the middle, and says what is lost', async () => {
    const { store, dataDir } = opened;
    const user = await store.accounts.create({ username: 'holed', password: undefined, address: 'holed@example.com' });
    for (const path of ['A', 'B', 'C', 'D']) await store.mailboxes.create(user.account, path);
    await store.mailboxes.append(user.account, { path: 'A' }, [
      (await storeText(store, user.account, 'Subject: kept\r\n\r\n')).message,
    ]);
    await store.mailboxes.fold(user.account);
    const record = Buffer.from(`${user.account}000000000003`, 'hex');
    await store.database.collection('journal').deleteOne({ _id: record as never });
    const fsck = (environment = {}, ...flags: readonly string[]): ReturnType<typeof runEider> =>
      runEider(['fsck', ...flags, '--data-dir', dataDir], '', environment);
    const named = await fsck();
    assert.match(named.stdout, /^damage: user holed: record 3 of the journal is missing\n/);
    assert.equal(named.code, 1);
    const killed = await fsck({ EIDER_CRASH_POINT: 'fold.segments-written' }, '--repair');
    assert.equal(killed.code, null, killed.stdout + killed.stderr);
    assert.equal((await fsck()).stdout, named.stdout);
    const repaired = await fsck({}, '--repair');
    assert.match(repaired.stdout, /: the base was made anew of the head, at record 6 of \d{4}-/);
    assert.match(repaired.stdout, /: lost with the old base: how the account was from record 0 up to then can be had/);
    assert.match(
      repaired.stdout,
      /, and what the journal said up to then and the head does not was given up; what was expunged can still/,
    );
    assert.match(repaired.stdout, /2 repairs, clean\n$/);
    assert.equal(repaired.code, 0);
    assert.match((await fsck()).stdout, /^1 users, \d+ mailboxes, 1 messages: clean\n$/);
  });
});
