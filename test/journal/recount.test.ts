import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  createJournalExport,
  createJournalImport,
  ExportFold,
  SystemFlag,
  type Journal,
} from '../../lib/journal/index.ts';
import type { MailboxHeader } from '../../lib/journal/account-state.ts';
import type { Checkpoint } from '../../lib/journal/checkpoint.ts';
import { newAccountId, type AccountId } from '../../lib/kernel/ids.ts';
import { createAccount, newMessage, openMailbox, showAccount, useDatabase } from './journal-node.ts';

const setup = useDatabase();
const { node } = setup;

/** Three messages, of which one is seen and one marked as deleted, and one in Sent; all of it in base and head. */
async function countedAccount(): Promise<{ account: AccountId; one: Journal }> {
  const one = node();
  const account = await createAccount(one);
  for (const system of [0, SystemFlag.seen, SystemFlag.deleted])
    await one.append(account, { path: 'INBOX' }, [newMessage({ flags: { system, keywords: [] } })]);
  await one.append(account, { path: 'Sent' }, [newMessage()]);
  await one.fold(account);
  await setup.store.removeRecords(account, 2, Infinity, 1);
  await one.remakeBase(account);
  assert.deepEqual(await node().check(account), []);
  return { account, one };
}

async function change(
  account: AccountId,
  kind: 'head' | 'base',
  alter: (checkpoint: Checkpoint) => Partial<Checkpoint>,
): Promise<void> {
  const standing = await setup.store.readCheckpoint(account, kind);
  assert.ok(standing !== undefined);
  assert.ok(await setup.store.replaceCheckpoint(account, { ...standing, ...alter(standing) }, standing, kind));
}

const ofInbox =
  (alter: (inbox: MailboxHeader) => Partial<MailboxHeader>) =>
  ({ mailboxes }: Checkpoint): Partial<Checkpoint> => ({
    mailboxes: mailboxes.map((own) => (own.path === 'INBOX' ? { ...own, ...alter(own) } : own)),
  });

type Wrong = readonly [string, (checkpoint: Checkpoint) => Partial<Checkpoint>, RegExp];

const WRONG: readonly Wrong[] = [
  ['messages of a mailbox', ofInbox(() => ({ messages: 4 })), /^mailbox INBOX, messages: 4 kept, 3 counted$/],
  ['unseen', ofInbox(() => ({ unseen: 0 })), /^mailbox INBOX, unseen: 0 kept, 2 counted$/],
  ['deleted', ofInbox(() => ({ deleted: 7 })), /^mailbox INBOX, deleted: 7 kept, 1 counted$/],
  ['octets of a mailbox', ofInbox(() => ({ octets: 299 })), /^mailbox INBOX, octets: 299 kept, 300 counted$/],
  ['UIDNEXT', ofInbox(() => ({ uidNext: 3 })), /^mailbox INBOX, UIDNEXT: 3 kept, the last UID is 3$/],
  [
    'the first recent UID',
    ofInbox(() => ({ recentFrom: 9 })),
    /^mailbox INBOX, first recent UID: 9 kept, UIDNEXT is 4$/,
  ],
  [
    'HIGHESTMODSEQ below a message',
    ofInbox(() => ({ highestModSeq: 1 })),
    /^mailbox INBOX, HIGHESTMODSEQ: 1 kept, a message has 4$/,
  ],
  [
    'HIGHESTMODSEQ above the journal',
    ofInbox(() => ({ highestModSeq: 99 })),
    /^mailbox INBOX, HIGHESTMODSEQ: 99 kept, the last record is 5$/,
  ],
  ['octets in use', () => ({ octets: 0 }), /^octets in use: 0 kept, 400 counted$/],
  ['messages in use', () => ({ messages: 5 }), /^messages in use: 5 kept, 4 counted$/],
  ['the highest UIDVALIDITY', () => ({ uidValidity: 1 }), /^highest UIDVALIDITY: 1 kept, a mailbox has \d+$/],
];

describe('counters that are not what is counted', () => {
  for (const [what, alter, sentence] of WRONG) {
    it(`${what}: named and counted anew, where base and head say the same`, async () => {
      const { account, one } = await countedAccount();
      const session = await openMailbox(one, account);
      await change(account, 'base', alter);
      await change(account, 'head', alter);
      const named = await node().check(account);
      assert.ok(named.some((problem) => sentence.test(problem)), named.join('\n')); // prettier-ignore
      // Base and journal make the head as it is: that is no help.
      await node().rebuild(account);
      const done = await node().recount(account);
      assert.ok(done.some((problem) => sentence.test(problem)), done.join('\n')); // prettier-ignore
      assert.deepEqual(await node().check(account), []);
      assert.deepEqual(await node().recount(account), []);
      // A session that was open all the time, and whoever opens the account, sees what is counted.
      await session.refresh();
      const { messages, unseen, deleted, octets, uidNext } = session.info();
      assert.deepEqual([messages, unseen, deleted, octets, uidNext], [3, 2, 1, 300, 4]);
      const fresh = node();
      assert.deepEqual(await fresh.usage(account), { octets: 400, messages: 4, quotaOctets: 0 });
      assert.deepEqual((await fresh.append(account, session.id, [newMessage()])).uids, [4]);
      await one.create(account, 'new');
      assert.deepEqual(await node().check(account), []);
      const shown = await showAccount(node(), account);
      await setup.store.removeCheckpoint(account, 'head');
      assert.deepEqual(await showAccount(node(), account), shown, 'base and journal say the same');
      session.close();
    });

    it(`${what}: named where the head alone is wrong, which is made again of base and journal`, async () => {
      const { account } = await countedAccount();
      await change(account, 'head', alter);
      const named = await node().check(account);
      assert.ok(named.some((problem) => sentence.test(problem)), named.join('\n')); // prettier-ignore
      await node().rebuild(account);
      assert.deepEqual(await node().recount(account), []);
      assert.deepEqual(await node().check(account), []);
    });

    // One of the numbers of a mailbox, and one of the account's.
    if (!['unseen', 'octets in use'].includes(what)) continue;

    it(`${what}: no base is made of such a head`, async () => {
      const { account } = await countedAccount();
      await change(account, 'head', alter);
      const base = await setup.store.readCheckpoint(account, 'base');
      assert.ok(base !== undefined);
      await setup.store.removeCheckpoint(account, 'base');
      const named = await node().check(account);
      assert.ok(named.some((problem) => sentence.test(problem)), named.join('\n')); // prettier-ignore
      await assert.rejects(node().remakeBase(account), { code: 'unavailable' });
      assert.equal(await setup.store.readCheckpoint(account, 'base'), undefined);
    });
  }

  it('are put right in a restore to a moment before they were counted anew', async () => {
    const { account } = await countedAccount();
    for (const kind of ['base', 'head'] as const)
      await change(
        account,
        kind,
        ofInbox(() => ({ unseen: 0, octets: 1 })),
      );
    const folding = new ExportFold(account);
    for await (const entry of createJournalExport(setup.database).read(account, 0)) folding.add(entry);
    const target = newAccountId();
    await createJournalImport(setup.database).write(target, folding.end(), 0);
    assert.deepEqual(await node().check(target), []);
    assert.equal((await node().find(target, 'INBOX'))?.unseen, 2);
  });

  it('are said of nothing where all is well, and no record is written', async () => {
    const { account, one } = await countedAccount();
    await one.create(account, 'a/b');
    await one.remove(account, 'a');
    const before = one.knownQ(account);
    assert.deepEqual(await node().recount(account), []);
    await one.list(account);
    assert.equal(one.knownQ(account), before);
  });
});
