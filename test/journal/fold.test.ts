import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openJournalStore } from '../../lib/journal/index.ts';
import type { AccountId, MailboxId } from '../../lib/kernel/ids.ts';
import {
  createAccount,
  DAY_MS,
  EVERYTHING,
  mailboxId,
  messageIdOf,
  newMessage,
  openMailbox,
  segmentsOf,
  showMailbox,
  steppedClock,
  useDatabase,
} from './journal-node.ts';

const setup = useDatabase();
const { node } = setup;

describe('fold', () => {
  it('a node that opens the account later sees the same', async () => {
    const one = node();
    const account = await createAccount(one, 5000);
    const inbox = await openMailbox(one, account);
    await one.create(account, 'a/b', { specialUse: '\\Archive', subscribe: true });
    await one.append(account, inbox.id, [
      newMessage({ flags: { system: 3, keywords: ['x'] } }),
      newMessage({ sentDate: undefined }),
    ]);
    await one.fold(account);
    await one.append(account, inbox.id, [newMessage()]);
    await inbox.expunge([{ from: 2, to: 2 }], { force: true });
    const other = node();
    assert.deepEqual(showMailbox(await openMailbox(other, account)), showMailbox(inbox));
    assert.deepEqual(await other.list(account), await one.list(account));
    assert.deepEqual(await other.subscriptions(account), await one.subscriptions(account));
    assert.deepEqual(await other.usage(account), await one.usage(account));
    await one.fold(account);
    const third = node();
    assert.deepEqual(showMailbox(await openMailbox(third, account)), showMailbox(inbox));
    assert.deepEqual(await (await openMailbox(third, account)).vanishedSince(1), [{ from: 2, to: 2 }]);
  });

  it('happens by itself once enough records have come together', async () => {
    const one = node({ settings: { foldRecords: 10 } });
    const account = await createAccount(one);
    const inbox = await openMailbox(one, account);
    const store = openJournalStore(setup.database);
    for (let count = 0; count < 8; count += 1) await one.append(account, inbox.id, [newMessage()]);
    assert.equal(await store.readCheckpoint(account), undefined);
    await one.append(account, inbox.id, [newMessage()]);
    await one.close();
    assert.equal((await store.readCheckpoint(account))?.q, 10);
  });

  it('is done by a node that only reads, where the writers leave it undone', async () => {
    const one = node({ settings: { foldRecords: 10_000 } });
    const account = await createAccount(one);
    const inbox = await mailboxId(one, account, 'INBOX');
    const reader = node({ settings: { foldRecords: 10 } });
    await reader.list(account);
    for (let count = 0; count < 20; count += 1) await one.append(account, inbox, [newMessage()]);
    await reader.list(account);
    await reader.close();
    assert.equal((await openJournalStore(setup.database).readCheckpoint(account))?.q, 21);
  });

  it('writes only segments with changes, and removes those it supersedes', async () => {
    const one = node();
    const account = await createAccount(one);
    const inbox = await openMailbox(one, account);
    const store = openJournalStore(setup.database);
    const rows = async (): Promise<string[]> =>
      ((await store.readCheckpoint(account))?.segments.get(inbox.id)?.rows ?? []).map(
        ({ generation, number }) => `${generation}/${number}`,
      );
    await one.append(
      account,
      inbox.id,
      Array.from({ length: 10_000 }, () => newMessage()),
    );
    await one.fold(account);
    const before = await rows();
    assert.equal(before.length, 3);
    await inbox.storeFlags([{ from: 5000, to: 5000 }], { mode: 'add', flags: { system: 1, keywords: [] } });
    await one.fold(account);
    const after = await rows();
    assert.deepEqual([after[0] === before[0], after[1] === before[1], after[2] === before[2]], [true, false, true]);
    assert.equal(await segmentsOf(setup.database, account), 3);
    const other = await openMailbox(node(), account);
    assert.equal(other.row(5000)?.flags.system, 1);
    assert.deepEqual(showMailbox(other), showMailbox(inbox));
  });

  it('deleted mailboxes and tombstones are kept for the window, then forgotten', async () => {
    const clock = steppedClock();
    const settings = { undeleteWindow: 0 };
    const one = node({ clock, settings });
    const account = await createAccount(one);
    const inbox = await openMailbox(one, account);
    const gone = messageIdOf('gone');
    const buried = messageIdOf('buried');
    const fresh = messageIdOf('fresh');
    await one.create(account, 'b');
    await one.append(account, await mailboxId(one, account, 'b'), [newMessage({ messageId: buried })]);
    await one.remove(account, 'b');
    await one.append(account, inbox.id, [
      newMessage({ messageId: gone }),
      newMessage({ messageId: fresh }),
      newMessage(),
    ]);
    await inbox.expunge([{ from: 1, to: 1 }], { force: true });
    const { q } = { q: one.knownQ(account) };
    await one.fold(account);
    clock.at += 5 * DAY_MS;
    await inbox.expunge([{ from: 2, to: 2 }], { force: true });
    await one.fold(account);
    assert.deepEqual(await node({ clock }).isLive(account, [gone, buried, fresh]), [true, true, true]);
    assert.deepEqual(await inbox.vanishedSince(1), [{ from: 1, to: 2 }]);
    clock.at += 4 * DAY_MS;
    await one.append(account, inbox.id, [newMessage()]);
    await one.fold(account);
    assert.deepEqual(await node({ clock }).isLive(account, [gone, buried, fresh]), [false, false, true]);
    assert.deepEqual(await one.isLive(account, [gone, buried, fresh]), [false, false, true]);
    // What is forgotten is answered from what the client has.
    assert.deepEqual(await inbox.vanishedSince(q - 1), [{ from: 1, to: 2 }]);
    assert.deepEqual(await inbox.vanishedSince(q - 1, [{ from: 2, to: 9 }]), [{ from: 2, to: 2 }]);
    assert.deepEqual(await inbox.vanishedSince(q), [{ from: 2, to: 2 }]);
    assert.equal(await segmentsOf(setup.database, account), 2);
    assert.deepEqual(showMailbox(await openMailbox(node({ clock }), account)), showMailbox(inbox));
  });

  it('many small folds leave few segments of tombstones', async () => {
    const one = node();
    const account = await createAccount(one);
    const inbox = await openMailbox(one, account);
    for (let round = 0; round < 25; round += 1) {
      await one.append(account, inbox.id, [newMessage()]);
      await inbox.expunge(undefined, { force: true });
      await one.fold(account);
    }
    assert.ok(
      (await segmentsOf(setup.database, account)) <= 9,
      `${await segmentsOf(setup.database, account)} segments`,
    );
    assert.deepEqual(await inbox.vanishedSince(0), [{ from: 1, to: 25 }]);
  });

  it('frees names of keywords that no message carries, on every node', async () => {
    const one = node();
    const account = await createAccount(one);
    const inbox = await openMailbox(one, account);
    const keywords = Array.from({ length: 100 }, (_, at) => `k${at}`);
    const other = node();
    await one.append(account, inbox.id, [newMessage(), newMessage({ flags: { system: 0, keywords } })]);
    await one.fold(account);
    await inbox.storeFlags([{ from: 2, to: 2 }], {
      mode: 'remove',
      flags: { system: 0, keywords: keywords.slice(0, 98) },
    });
    await other.list(account);
    await one.fold(account);
    assert.deepEqual(inbox.info().keywords, ['k98', 'k99']);
    await inbox.storeFlags([{ from: 1, to: 1 }], { mode: 'add', flags: { system: 0, keywords: ['new', 'K99'] } });
    for (const journal of [one, other, node()]) {
      const mailbox = await openMailbox(journal, account);
      assert.deepEqual([mailbox.row(1)?.flags.keywords, mailbox.row(2)?.flags.keywords], [['k99', 'new'], ['k98', 'k99']]); // prettier-ignore
    }
    await one.fold(account);
    assert.deepEqual(showMailbox(await openMailbox(node(), account)), showMailbox(inbox));
  });

  it('rows that another node wrote with names freed keep their keywords when this one folds', async () => {
    const one = node();
    const account = await createAccount(one);
    const inbox = await openMailbox(one, account);
    const keywords = Array.from({ length: 30 }, (_, at) => `k${at}`);
    await one.append(account, inbox.id, [
      newMessage({ flags: { system: 0, keywords } }),
      newMessage({ flags: { system: 0, keywords: ['k29'] } }),
    ]);
    const sent = await openMailbox(one, account, 'Sent');
    await one.append(account, sent.id, [newMessage()]);
    await one.fold(account);
    const other = node();
    await other.list(account);
    await inbox.expunge([{ from: 1, to: 1 }], { force: true });
    await sent.storeFlags(EVERYTHING, { mode: 'add', flags: { system: 1, keywords: [] } });
    await one.fold(account);
    // Learns of the new checkpoint, for the old one's segments are gone, and then folds on top of it.
    const trash = await mailboxId(other, account, 'Trash');
    await openMailbox(other, account, 'Sent');
    await other.append(account, trash, [newMessage()]);
    await other.fold(account);
    for (const journal of [node(), other, one]) {
      assert.deepEqual((await openMailbox(journal, account)).row(2)?.flags.keywords, ['k29']);
    }
  });

  it('accounts that nobody has open go when memory is short, and come back', async () => {
    const one = node({ settings: { cacheSize: 1_000_000 } });
    const accounts: { account: AccountId; inbox: MailboxId }[] = [];
    for (let count = 0; count < 4; count += 1) {
      const account = await createAccount(one);
      const inbox = await openMailbox(one, account);
      await one.append(
        account,
        inbox.id,
        Array.from({ length: 5_000 }, () => newMessage()),
      );
      inbox.close();
      accounts.push({ account, inbox: inbox.id });
    }
    const first = accounts[0];
    assert.ok(first);
    assert.equal(one.knownQ(first.account), 0);
    const again = await one.open(first.account, first.inbox);
    assert.equal(again.uids().length, 5_000);
  });
});
