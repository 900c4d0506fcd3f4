import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Binary } from 'mongodb';
import { type Journal, type NewMessage } from '../../lib/journal/index.ts';
import type { AccountId } from '../../lib/kernel/ids.ts';
import {
  createAccount,
  EVERYTHING,
  newMessage,
  openMailbox,
  removeRecords,
  segmentsOf,
  showAccount,
  useDatabase,
} from './journal-node.ts';

const setup = useDatabase();
const { node } = setup;

async function loseEverything(account: AccountId): Promise<void> {
  await removeRecords(setup.database, account, 1, (await setup.store.readGaps(account, 1)).last);
  await setup.store.removeCheckpoint(account, 'head');
  await setup.store.removeCheckpoint(account, 'base');
  await setup.store.removeSegments(account, await setup.store.listSegments(account));
}

async function accountWithMail(journal: Journal): Promise<AccountId> {
  const account = await createAccount(journal);
  const inbox = await openMailbox(journal, account);
  await journal.append(account, inbox.id, [newMessage(), newMessage({ flags: { system: 5, keywords: ['k'] } })]);
  await journal.fold(account);
  await inbox.storeFlags(EVERYTHING, { mode: 'add', flags: { system: 2, keywords: [] } });
  await inbox.expunge([{ from: 1, to: 1 }], { force: true });
  inbox.close();
  return account;
}

describe('the head can be dropped while nodes run', () => {
  for (const [what, drop] of [
    ['checkpoint', async (account: AccountId) => setup.store.removeCheckpoint(account, 'head')],
    [
      'segments',
      async (account: AccountId) => setup.store.removeSegments(account, await setup.store.listSegments(account)),
    ],
    [
      'checkpoint and segments',
      async (account: AccountId) => {
        await setup.store.removeCheckpoint(account, 'head');
        await setup.store.removeSegments(account, await setup.store.listSegments(account));
      },
    ],
  ] as const) {
    it(`${what}: sessions go on, everything is there, and the head is made again`, async () => {
      const one = node();
      const account = await accountWithMail(one);
      const session = await openMailbox(one, account);
      const warm = node();
      const before = await showAccount(one, account);
      await warm.list(account);
      await drop(account);
      assert.deepEqual(await showAccount(node(), account), before);
      assert.deepEqual(await showAccount(warm, account), before);
      await one.append(account, session.id, [newMessage()]);
      await one.fold(account);
      assert.deepEqual([...session.uids()], [2, 3]);
      const head = await setup.store.readCheckpoint(account);
      assert.ok(head !== undefined && head.q >= 4);
      assert.deepEqual(await one.check(account), []);
      session.close();
    });
  }

  it('one that cannot be read makes the account unavailable until it is rebuilt', async () => {
    const one = node();
    const account = await accountWithMail(one);
    const before = await showAccount(one, account);
    const key = new Binary(Buffer.concat([Buffer.from(account, 'hex'), Buffer.of(1)]));
    await setup.database.collection('checkpoints').updateOne({ _id: key }, { $set: { deliveries: Buffer.from('x') } });
    await assert.rejects(node().list(account), { code: 'unavailable' });
    assert.equal((await one.check(account)).length, 1);
    await one.rebuild(account);
    assert.deepEqual(await showAccount(node(), account), before);
    assert.deepEqual(await one.check(account), []);
  });
});

describe('damage is named and never mended by itself', () => {
  it('a record that another took the place of is noticed by all', async () => {
    const one = node();
    const account = await createAccount(one);
    const inbox = await openMailbox(one, account);
    const behind = node();
    await behind.list(account);
    for (let count = 0; count < 3; count += 1) await one.append(account, inbox.id, [newMessage()]);
    await removeRecords(setup.database, account, 2, 2);
    // It knows of nothing after the gap, and cannot.
    await behind.append(account, inbox.id, [newMessage()]);
    await assert.rejects(behind.append(account, inbox.id, [newMessage()]), { code: 'unavailable' });
    await assert.rejects(behind.list(account), { code: 'unavailable' });
    await assert.rejects(node().list(account), { code: 'unavailable' });
    assert.equal((await setup.store.readGaps(account, 1)).last, 4);
    inbox.close();
  });

  it('a segment that makes no sense, which is made again of base and journal', async () => {
    const one = node();
    const account = await accountWithMail(one);
    await one.fold(account);
    const before = await showAccount(one, account);
    const keys = await setup.store.listSegments(account);
    const packed = await setup.store.readSegments(account, keys);
    await setup.store.removeSegments(account, keys);
    await setup.store.writeSegments(
      account,
      keys.map((key, index) => ({ key, packed: packed[index]?.subarray(0, 3) ?? assert.fail() })),
    );
    const named = await node().check(account);
    assert.deepEqual(named[0], 'the segment of mailbox INBOX that holds UIDs 2 to 2 cannot be read');
    await assert.rejects(openMailbox(node(), account), { code: 'unavailable' });
    await node().rebuild(account);
    assert.deepEqual(await node().check(account), []);
    assert.deepEqual(await showAccount(node(), account), before);
  });

  it('a segment of a later program is none', async () => {
    const one = node();
    const account = await accountWithMail(one);
    const [from, to] = [0, 0xff].map((octet) => Buffer.concat([Buffer.from(account, 'hex'), Buffer.alloc(24, octet)]));
    const range = { $gte: new Binary(from), $lte: new Binary(to) };
    await setup.database.collection('segments').updateMany({ _id: range as never }, { $set: { v: 2 } });
    await assert.rejects(node().check(account), { code: 'unavailable' });
    const { rev } = (await setup.store.readCheckpoint(account)) ?? assert.fail();
    await assert.rejects(openMailbox(node(), account), { code: 'unavailable' });
    assert.equal((await setup.store.readCheckpoint(account))?.rev, rev, 'nobody makes it again');
  });

  it('a record that cannot be read', async () => {
    const one = node();
    const account = await accountWithMail(one);
    const key = new Binary(Buffer.from(`${account}000000000003`, 'hex'));
    await setup.database.collection('journal').updateOne({ _id: key }, { $set: { changes: [{ k: 'x' }] } });
    assert.deepEqual(await node().check(account), ['record 3 of the journal cannot be read: Error: change of kind x']);
    await assert.rejects(node().rebuild(account), { code: 'unavailable' });
    await assert.rejects(node().remakeBase(account), { code: 'unavailable' });
  });

  it('a head that cannot be read stays until there is another in its place', async () => {
    const one = node();
    const account = await accountWithMail(one);
    await removeRecords(setup.database, account, 1, 1);
    const key = new Binary(Buffer.concat([Buffer.from(account, 'hex'), Buffer.of(1)]));
    const checkpoints = setup.database.collection('checkpoints');
    await checkpoints.updateOne({ _id: key }, { $set: { deliveries: Buffer.from('x') } });
    await assert.rejects(node().rebuild(account), { code: 'unavailable' });
    assert.notEqual(await checkpoints.findOne({ _id: key }), null);
  });

  it('a head that says something else than base and journal', async () => {
    const one = node();
    const account = await accountWithMail(one);
    await one.fold(account);
    const head = await setup.store.readCheckpoint(account);
    assert.ok(head !== undefined);
    const mailboxes = head.mailboxes.map((header) => (header.path === 'INBOX' ? { ...header, unseen: 9 } : header));
    await setup.store.replaceCheckpoint(account, { ...head, mailboxes }, head);
    assert.deepEqual(await one.check(account), [
      'mailbox INBOX, unseen: 9 in the head, 0 by base and journal',
      'mailbox INBOX, unseen: 9 kept, 0 counted',
    ]);
    await one.rebuild(account);
    assert.deepEqual(await one.check(account), []);
  });
});

describe('an account out of messages alone', () => {
  const recovered = async function* (messages: readonly NewMessage[]) {
    for (const { flags, ...message } of messages) yield { ...message, writtenAtQ: flags.system };
  };
  const init = {
    quotaOctets: 0,
    mailboxes: [{ path: 'INBOX', subscribe: true }],
    recoveredPath: 'Recovered',
  };

  it('holds all of them in one mailbox under new UIDVALIDITYs, and goes on', async () => {
    const one = node();
    const account = await accountWithMail(one);
    const validity = Math.max(...(await one.list(account)).map(({ uidValidity }) => uidValidity));
    await assert.rejects(one.rebuildFromMessages(account, recovered([]), init), { code: 'not-permitted' });
    await loseEverything(account);
    const messages = [2, 1, 3].map((at) => newMessage({ internalDate: { at, zoneMinutes: 0 } }));
    assert.deepEqual(await node().rebuildFromMessages(account, recovered(messages), init), { messages: 3 });
    const fresh = node();
    const found = await openMailbox(fresh, account, 'Recovered');
    assert.deepEqual([...found.rows(EVERYTHING)].map(({ internalDate }) => internalDate.at), [1, 2, 3]); // prettier-ignore
    const infos = await fresh.list(account);
    assert.deepEqual(infos.map(({ path }) => path), ['INBOX', 'Recovered']); // prettier-ignore
    for (const { uidValidity } of infos) assert.ok(uidValidity > validity);
    const [message] = messages;
    assert.ok(message !== undefined);
    const again = await fresh.deliver(account, { message, mailboxPath: 'INBOX', existedSinceQ: 0 });
    assert.deepEqual(again.uids, [2]);
    await fresh.append(account, found.id, [newMessage()]);
    assert.deepEqual(await fresh.check(account), []);
    await fresh.fold(account);
    assert.deepEqual(await showAccount(node(), account), await showAccount(fresh, account));
    found.close();
  });

  it('of a journal with a gap: nodes that remember the old one notice, and nothing is left over', async () => {
    const one = node();
    const account = await accountWithMail(one);
    await setup.store.removeCheckpoint(account, 'head');
    const session = await openMailbox(one, account);
    const warm = node();
    await warm.list(account);
    await removeRecords(setup.database, account, 2, 2);
    await assert.rejects(node().list(account), { code: 'unavailable' });
    await node().rebuildFromMessages(account, recovered([newMessage()]), init);
    await assert.rejects(warm.append(account, session.id, [newMessage()]), { code: 'unavailable' });
    assert.deepEqual((await warm.list(account)).map(({ path }) => path), ['INBOX', 'Recovered']); // prettier-ignore
    assert.equal((await warm.deliver(account, { message: newMessage(), mailboxPath: 'INBOX', existedSinceQ: undefined })).uids[0], 1); // prettier-ignore
    assert.equal(await segmentsOf(setup.database, account), 2);
    assert.deepEqual(await warm.check(account), []);
    session.close();
  });
});
