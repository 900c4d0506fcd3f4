import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openJournalStore, type Journal, type OpenMailbox } from '../../lib/journal/index.ts';
import { uidsOf } from '../../lib/journal/uid-set.ts';
import type { MailError } from '../../lib/kernel/errors.ts';
import type { AccountId } from '../../lib/kernel/ids.ts';
import { createAccount, EVERYTHING, mailboxId, newMessage, useDatabase, type NodeOptions } from './journal-node.ts';
import { UnreliableStore, type Fault } from './unreliable-store.ts';

const setup = useDatabase();
const { node } = setup;

/** A node with an unreliable store, one with a reliable one, and an account opened by both. */
async function unreliable(options: NodeOptions = {}): Promise<{
  store: UnreliableStore;
  mine: Journal;
  other: Journal;
  account: AccountId;
  inbox: OpenMailbox;
}> {
  const store = new UnreliableStore(openJournalStore(setup.database));
  const mine = node({ ...options, store });
  const other = node();
  const account = await createAccount(mine);
  const inbox = await mine.open(account, await mailboxId(mine, account, 'INBOX'));
  await other.list(account);
  return { store, mine, other, account, inbox };
}

/** The faults of the following inserts, then none. */
function faults(store: UnreliableStore, ...list: Fault[]): void {
  store.nextFault = () => list.shift() ?? 'none';
}

async function uidsOn(journal: Journal, account: AccountId): Promise<number[]> {
  const opened = await journal.open(account, await mailboxId(journal, account, 'INBOX'));
  const uids = [...opened.uids()];
  opened.close();
  return uids;
}

describe('commit: outcomes', () => {
  const sequences: readonly Fault[][] = [
    ['none'],
    ['cut-before'],
    ['cut-after'],
    ['twice'],
    ['late'],
    ['failed-again'],
    ['cut-before', 'cut-before', 'cut-after'],
    ['cut-before', 'twice'],
    ['late', 'cut-before', 'cut-after'],
    ['cut-before', 'failed', 'none'],
  ];
  for (const list of sequences) {
    it(`${list.join(', ')}: done exactly once`, async () => {
      const { store, other, account, inbox, mine } = await unreliable();
      faults(store, ...list);
      const { uids } = await mine.append(account, inbox.id, [newMessage()]);
      await store.settled();
      assert.deepEqual(uids, [1]);
      assert.deepEqual([...inbox.uids()], [1]);
      assert.deepEqual((await mine.append(account, inbox.id, [newMessage()])).uids, [2]);
      assert.deepEqual(await uidsOn(other, account), [1, 2]);
    });

    // A record that another's stands in the place of is not doubtful any more: failing then is certain.
    if (list.includes('failed')) continue;

    it(`${list.join(', ')}: while another node is before it`, async () => {
      const { store, other, account, inbox, mine } = await unreliable();
      await other.append(account, inbox.id, [newMessage()]);
      faults(store, ...list);
      const { uids } = await mine.append(account, inbox.id, [newMessage()]);
      await store.settled();
      assert.deepEqual(uids, [2]);
      assert.deepEqual(await uidsOn(other, account), [1, 2]);
      assert.deepEqual([...inbox.uids()], [1, 2]);
    });

    it(`${list.join(', ')}: of a group of commands`, async () => {
      const { store, other, account, inbox, mine } = await unreliable();
      await other.append(account, inbox.id, [newMessage()]);
      faults(store, ...list);
      const results = await Promise.all(
        Array.from({ length: 5 }, () => mine.append(account, inbox.id, [newMessage()])),
      );
      await store.settled();
      assert.deepEqual(
        results.map(({ uids }) => uids[0]),
        [2, 3, 4, 5, 6],
      );
      assert.deepEqual(await uidsOn(other, account), [1, 2, 3, 4, 5, 6]);
    });
  }

  it('failed for certain is unavailable at once and leaves nothing', async () => {
    const { store, other, account, inbox, mine } = await unreliable();
    faults(store, 'failed');
    await assert.rejects(mine.append(account, inbox.id, [newMessage()]), { code: 'unavailable' });
    assert.deepEqual(store.inserts.slice(-1), [1]);
    assert.deepEqual(await uidsOn(other, account), []);
    assert.deepEqual((await mine.append(account, inbox.id, [newMessage()])).uids, [1]);
  });

  it('of a group the first fails for certain and the others are decided again', async () => {
    const { store, account, inbox, mine } = await unreliable();
    faults(store, 'failed');
    const outcomes = await Promise.allSettled(
      Array.from({ length: 3 }, () => mine.append(account, inbox.id, [newMessage()])),
    );
    assert.deepEqual(
      outcomes.map((outcome) =>
        outcome.status === 'fulfilled' ? outcome.value.uids[0] : (outcome.reason as MailError).code,
      ),
      ['unavailable', 1, 2],
    );
  });

  it('still unknown at the deadline: says so, and what came late after all is found by the next command', async () => {
    const { store, account, inbox, mine, other } = await unreliable();
    store.nextFault = () => 'cut-after';
    store.isDeaf = true;
    const deadline = performance.now() + 100;
    await assert.rejects(mine.append(account, inbox.id, [newMessage()], { deadline }), { code: 'outcome-unknown' });
    store.isDeaf = false;
    store.nextFault = () => 'none';
    assert.deepEqual((await mine.append(account, inbox.id, [newMessage()])).uids, [2]);
    assert.deepEqual(await uidsOn(other, account), [1, 2]);
  });

  it('unknown and never applied: nothing is there, and the next command takes its place', async () => {
    const { store, account, inbox, mine, other } = await unreliable();
    store.nextFault = () => 'cut-before';
    store.isDeaf = true;
    const deadline = performance.now() + 100;
    await assert.rejects(mine.append(account, inbox.id, [newMessage()], { deadline }), { code: 'outcome-unknown' });
    store.isDeaf = false;
    store.nextFault = () => 'none';
    assert.deepEqual((await mine.append(account, inbox.id, [newMessage()])).uids, [1]);
    assert.deepEqual(await uidsOn(other, account), [1]);
  });

  it('an insert that never answers is given up at the deadline of its command', async () => {
    const base = openJournalStore(setup.database);
    const store = { ...base, insert: () => new Promise<never>(() => undefined) };
    const account = await createAccount(node());
    const mine = node({ store });
    const inbox = await mailboxId(mine, account, 'INBOX');
    const deadline = performance.now() + 60;
    await assert.rejects(mine.append(account, inbox, [newMessage()], { deadline }), { code: 'outcome-unknown' });
    assert.ok(performance.now() < deadline + 1000);
  });

  it('a closed account refuses commands of nodes that have not heard of it', async () => {
    const { account, inbox, mine, other } = await unreliable();
    await other.closeAccount(account);
    await assert.rejects(mine.append(account, inbox.id, [newMessage()]), { code: 'user-not-found' });
    await assert.rejects(mine.list(account), { code: 'user-not-found' });
    await assert.rejects(mine.createAccount(account, { quotaOctets: 0, mailboxes: [] }), { code: 'user-not-found' });
    await other.closeAccount(account);
  });

  it('a record of a later version makes the account unavailable, reads and writes', async () => {
    const { account, inbox, mine } = await unreliable();
    const { Binary } = await import('mongodb');
    const key = Buffer.concat([Buffer.from(account, 'hex'), Buffer.of(0, 0, 0, 0, 0, 2)]);
    await setup.database
      .collection('journal')
      .insertOne({ _id: new Binary(key) as never, v: 99, at: 1, token: Buffer.alloc(12), changes: [] });
    await assert.rejects(mine.list(account), { code: 'unavailable' });
    // Whatever stands where its record would, it is not its record: nothing about that is unknown.
    await assert.rejects(mine.append(account, inbox.id, [newMessage()]), { code: 'unavailable' });
  });
});

describe('commit: refusals and no-ops', () => {
  it('are decided on a state read after the command came', async () => {
    const { account, inbox, mine, other } = await unreliable();
    await other.create(account, 'new');
    const target = await mailboxId(other, account, 'new');
    // Each would be refused, or change nothing, on what this node knew.
    assert.deepEqual((await mine.append(account, target, [newMessage()])).uids, [1]);
    await other.append(account, inbox.id, [newMessage()]);
    assert.deepEqual(
      (await inbox.storeFlags(EVERYTHING, { mode: 'add', flags: { system: 1, keywords: [] } })).changed,
      [{ from: 1, to: 1 }],
    );
    await other.remove(account, 'new');
    assert.equal((await mine.create(account, 'new')).path, 'new');
    await other.append(account, inbox.id, [newMessage({ flags: { system: 8, keywords: [] } })]);
    assert.deepEqual((await inbox.expunge(undefined)).uids, [2]);
    await assert.rejects(mine.create(account, 'new'), { code: 'mailbox-exists' });
  });

  it('quota is exact over nodes', async () => {
    const one = node();
    const two = node();
    const account = await createAccount(one, 1000);
    const inbox = await mailboxId(one, account, 'INBOX');
    await mailboxId(two, account, 'INBOX');
    const outcomes = await Promise.allSettled(
      Array.from({ length: 16 }, (_, at) =>
        (at % 2 === 0 ? one : two).append(account, inbox, [newMessage({ size: 100 })]),
      ),
    );
    const codes = outcomes.flatMap((outcome) =>
      outcome.status === 'rejected' ? [(outcome.reason as MailError).code] : [],
    );
    assert.deepEqual(codes, Array<string>(6).fill('over-quota'));
    assert.deepEqual(await two.usage(account), { octets: 1000, messages: 10, quotaOctets: 1000 });
  });
});

describe('commit: groups', () => {
  it('commands of one account that come together leave together, in order, each with its own modseq', async () => {
    const { store, account, inbox, mine } = await unreliable();
    store.inserts.length = 0;
    const results = await Promise.all(
      Array.from({ length: 100 }, () => mine.append(account, inbox.id, [newMessage()])),
    );
    assert.deepEqual(store.inserts, [64, 36]);
    assert.deepEqual(
      results.map(({ uids, modseq }) => [uids[0], modseq]),
      Array.from({ length: 100 }, (_, at) => [at + 1, at + 2]),
    );
  });

  it('1 MiB of records is enough for a group', async () => {
    const { store, account, inbox, mine } = await unreliable();
    store.inserts.length = 0;
    const many = (): ReturnType<typeof newMessage>[] => Array.from({ length: 8_000 }, () => newMessage());
    await Promise.all(Array.from({ length: 6 }, () => mine.append(account, inbox.id, many())));
    assert.deepEqual(store.inserts, [3, 3]);
    assert.equal(inbox.uids().length, 48_000);
  });

  it('each is decided on what the ones before it lead to', async () => {
    const { store, account, inbox, mine } = await unreliable();
    await mine.append(account, inbox.id, [newMessage(), newMessage(), newMessage()]);
    const sent = await mailboxId(mine, account, 'Sent');
    store.inserts.length = 0;
    const deleted = { mode: 'add', flags: { system: 8, keywords: [] } } as const;
    const [, stored, again, expunged, moved, created, exists, appended] = await Promise.all([
      mine.append(account, inbox.id, [newMessage()]),
      inbox.storeFlags([{ from: 3, to: 4 }], deleted),
      inbox.storeFlags([{ from: 3, to: 4 }], deleted),
      inbox.expunge(undefined),
      inbox.move(EVERYTHING, sent),
      mine.create(account, 'a/b'),
      mine.create(account, 'a').catch((error: unknown) => (error as MailError).code),
      mine.append(account, inbox.id, [newMessage()]),
    ]);
    assert.deepEqual(store.inserts, [6]);
    assert.deepEqual([stored.changed, again.changed, expunged.uids], [[{ from: 3, to: 4 }], [], [3, 4]]); // prettier-ignore
    assert.deepEqual([moved.sourceUids, moved.targetUids], [[1, 2], [1, 2]]); // prettier-ignore
    assert.deepEqual([created.path, exists, appended.uids], ['a/b', 'mailbox-exists', [5]]);
    assert.deepEqual([...inbox.uids()], [5]);
  });

  it('more than 1,000 waiting commands of one account are refused for now', async () => {
    const { account, inbox, mine } = await unreliable();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 1100 }, () => mine.append(account, inbox.id, [newMessage()])),
    );
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    assert.equal(refused.length, 100);
    assert.ok(refused.every(({ reason }) => (reason as MailError).code === 'unavailable'));
    assert.equal(inbox.uids().length, 1000);
  });

  it('8 writers on two nodes: UIDs are dense and seen in order by both', async () => {
    const writers = [node(), node()];
    const [first, second] = writers;
    assert.ok(first && second);
    const account = await createAccount(first);
    const opened = await Promise.all(
      writers.map(async (journal) => journal.open(account, await mailboxId(journal, account, 'INBOX'))),
    );
    const seen: number[][] = opened.map(() => []);
    opened.forEach((mailbox, at) =>
      mailbox.onEvent((event) => event.kind === 'appended' && seen[at]?.push(...uidsOf(event.uids))),
    );
    const given = await Promise.all(
      Array.from({ length: 8 }, async (_, at) => {
        const uids: number[] = [];
        for (let count = 0; count < 12; count += 1) {
          const mailbox = opened[at % 2];
          const journal = writers[at % 2];
          assert.ok(mailbox && journal);
          uids.push(...(await journal.append(account, mailbox.id, [newMessage()])).uids);
        }
        return uids;
      }),
    );
    await Promise.all(opened.map((mailbox) => mailbox.refresh()));
    const dense = Array.from({ length: 96 }, (_, at) => at + 1);
    assert.deepEqual(
      given.flat().sort((a, b) => a - b),
      dense,
    );
    for (const uids of given)
      assert.deepEqual(
        uids,
        [...uids].sort((a, b) => a - b),
      );
    assert.deepEqual(seen, [dense, dense]);
    opened.forEach((mailbox) => mailbox.close());
  });
});
