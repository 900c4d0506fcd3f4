import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Binary } from 'mongodb';
import { openJournalStore, type OpenMailbox } from '../../lib/journal/index.ts';
import { AccountLog } from '../../lib/journal/account-log.ts';
import type { JournalStore } from '../../lib/journal/journal-store.ts';
import type { AccountId, MailboxId } from '../../lib/kernel/ids.ts';
import { systemClock } from '../../lib/kernel/clock.ts';
import {
  createAccount,
  DAY_MS,
  EVERYTHING,
  mailboxId,
  messageIdOf,
  newMessage,
  openMailbox,
  segmentsOf,
  steppedClock,
  useDatabase,
} from './journal-node.ts';

const setup = useDatabase();
const { node } = setup;

function showAll(mailbox: OpenMailbox): unknown {
  return { info: mailbox.info(), rows: [...mailbox.rows(EVERYTHING)] };
}

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
    assert.deepEqual(showAll(await openMailbox(other, account)), showAll(inbox));
    assert.deepEqual(await other.list(account), await one.list(account));
    assert.deepEqual(await other.subscriptions(account), await one.subscriptions(account));
    assert.deepEqual(await other.usage(account), await one.usage(account));
    await one.fold(account);
    const third = node();
    assert.deepEqual(showAll(await openMailbox(third, account)), showAll(inbox));
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
    assert.deepEqual(showAll(other), showAll(inbox));
  });

  it('a reader that finds segments gone reads the checkpoint again', async () => {
    const one = node();
    const account = await createAccount(one);
    const inbox = await openMailbox(one, account);
    await one.append(account, inbox.id, [newMessage(), newMessage()]);
    await one.fold(account);
    const reader = node();
    await reader.list(account);
    await inbox.storeFlags(EVERYTHING, { mode: 'add', flags: { system: 4, keywords: [] } });
    await one.fold(account);
    await inbox.storeFlags(EVERYTHING, { mode: 'add', flags: { system: 1, keywords: [] } });
    const late = await openMailbox(reader, account);
    assert.deepEqual(showAll(late), showAll(inbox));
  });

  it('a command of a node that is behind the checkpoint catches up first', async () => {
    const one = node();
    const account = await createAccount(one);
    const inbox = await openMailbox(one, account);
    await one.append(account, inbox.id, [newMessage(), newMessage()]);
    await one.fold(account);
    const behind = node();
    await behind.list(account);
    await inbox.storeFlags(EVERYTHING, { mode: 'add', flags: { system: 4, keywords: [] } });
    await one.fold(account);
    await behind.rename(account, 'INBOX', 'old');
    assert.deepEqual(
      [...(await openMailbox(one, account, 'old')).rows(EVERYTHING)].map(({ flags }) => flags.system),
      [4, 4],
    );
  });

  it('two nodes fold at once: one wins, nothing is lost, nothing is left over', async () => {
    const journals = [node(), node()];
    const [one, two] = journals;
    assert.ok(one && two);
    const account = await createAccount(one);
    const inbox = await openMailbox(one, account);
    for (let round = 0; round < 5; round += 1) {
      await one.append(account, inbox.id, [newMessage()]);
      await two.list(account);
      await Promise.all(journals.map((journal) => journal.fold(account)));
    }
    assert.deepEqual(await one.check(account), []);
    assert.equal(await segmentsOf(setup.database, account), 1);
    assert.deepEqual(showAll(await openMailbox(node(), account)), showAll(inbox));
  });

  const cuts: readonly (keyof JournalStore)[] = ['writeSegments', 'replaceCheckpoint', 'removeSegments'];
  for (const step of cuts) {
    for (const isApplied of [false, true]) {
      it(`cut at ${step}, ${isApplied ? 'after' : 'before'} it applied: garbage at most, never damage`, async () => {
        const real = openJournalStore(setup.database);
        const cut = async (...given: never[]): Promise<never> => {
          if (isApplied) await (real[step] as (...rest: never[]) => Promise<unknown>)(...given);
          throw new Error('cut');
        };
        const one = node();
        const account = await createAccount(one);
        const inbox = await openMailbox(one, account);
        await one.append(account, inbox.id, [newMessage(), newMessage()]);
        await one.fold(account);
        await inbox.storeFlags(EVERYTHING, { mode: 'add', flags: { system: 8, keywords: ['k'] } });
        const broken = node({ store: { ...real, [step]: cut } });
        await broken.list(account);
        await assert.rejects(broken.fold(account));
        assert.deepEqual(await one.check(account), []);
        const still = await openMailbox(broken, account);
        assert.deepEqual(showAll(still), showAll(inbox));
        assert.deepEqual(showAll(await openMailbox(node(), account)), showAll(inbox));
        await broken.append(account, inbox.id, [newMessage()]);
        await one.list(account);
        await one.fold(account);
        assert.deepEqual(showAll(await openMailbox(node(), account)), showAll(inbox));
      });
    }
  }

  it('a checkpoint written twice, as by a driver that tries again, keeps its segments', async () => {
    const real = openJournalStore(setup.database);
    const replaceCheckpoint: JournalStore['replaceCheckpoint'] = async (...given) => {
      await real.replaceCheckpoint(...given);
      return real.replaceCheckpoint(...given);
    };
    const one = node({ store: { ...real, replaceCheckpoint } });
    const account = await createAccount(one);
    const inbox = await openMailbox(one, account);
    for (let round = 0; round < 3; round += 1) {
      await one.append(account, inbox.id, [newMessage()]);
      await one.fold(account);
      assert.deepEqual(await one.check(account), []);
      assert.deepEqual(showAll(await openMailbox(node(), account)), showAll(inbox));
      assert.equal(await segmentsOf(setup.database, account), 1);
    }
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
    assert.deepEqual(showAll(await openMailbox(node({ clock }), account)), showAll(inbox));
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
    assert.deepEqual(showAll(await openMailbox(node(), account)), showAll(inbox));
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

  it('a checkpoint that is read late takes nobody back to what was written down before', async () => {
    const real = openJournalStore(setup.database);
    let isHeld = false;
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const store: JournalStore = {
      ...real,
      readCheckpoint: async (account) => {
        const checkpoint = await real.readCheckpoint(account);
        if (isHeld) await released;
        return checkpoint;
      },
    };
    const one = node();
    const account = await createAccount(one);
    const inbox = await openMailbox(one, account);
    await one.append(account, inbox.id, [newMessage()]);
    await one.fold(account);
    const log = await AccountLog.open(account, store, { clock: systemClock });
    isHeld = true;
    const late = log.rereadCheckpoint();
    await one.append(account, inbox.id, [newMessage()]);
    await one.fold(account);
    await log.refresh();
    const newer = await real.readCheckpoint(account);
    assert.ok(newer !== undefined);
    log.useCheckpoint(newer);
    release();
    await late;
    assert.equal(log.checkpoint, newer);
  });

  it('a fold that is not told of its success takes nothing away from who went on from it', async () => {
    const real = openJournalStore(setup.database);
    const another = node();
    const store: JournalStore = {
      ...real,
      replaceCheckpoint: async (...parameters) => {
        const [account] = parameters;
        assert.ok(await real.replaceCheckpoint(...parameters));
        await another.append(account, await mailboxId(another, account, 'Sent'), [newMessage()]);
        await another.fold(account);
        return false;
      },
    };
    const one = node({ store });
    const account = await createAccount(one);
    const inbox = await openMailbox(one, account);
    await one.append(account, inbox.id, [newMessage()]);
    await one.fold(account);
    assert.deepEqual(await one.check(account), []);
    assert.equal((await openMailbox(node(), account)).uids().length, 1);
  });

  it('a checkpoint of a later version makes the account unavailable', async () => {
    const one = node();
    const account = await createAccount(one);
    await one.fold(account);
    const key = new Binary(Buffer.concat([Buffer.from(account, 'hex'), Buffer.of(1)]));
    await setup.database.collection('checkpoints').updateOne({ _id: key }, { $set: { v: 2 } });
    await assert.rejects(node().list(account), { code: 'unavailable' });
  });

  it('a gap in the journal is never applied across', async () => {
    const one = node();
    const account = await createAccount(one);
    const inbox = await mailboxId(one, account, 'INBOX');
    const other = node();
    await other.list(account);
    for (let count = 0; count < 3; count += 1) await one.append(account, inbox, [newMessage()]);
    const key = Buffer.concat([Buffer.from(account, 'hex'), Buffer.of(0, 0, 0, 0, 0, 3)]);
    await setup.database.collection('journal').deleteOne({ _id: new Binary(key) as never });
    await assert.rejects(other.list(account), { code: 'unavailable' });
    assert.equal(other.knownQ(account), 2);
    await assert.rejects(other.append(account, inbox, [newMessage()]), { code: 'unavailable' });
    await assert.rejects(node().append(account, inbox, [newMessage()]), { code: 'unavailable' });
    assert.equal((await openJournalStore(setup.database).readAfter(account, 2, 1)).beyond, 4);
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
