import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { namedSegments } from '../../lib/journal/named-segments.ts';
import type { AccountId, MailboxId } from '../../lib/kernel/ids.ts';
import {
  createAccount,
  DAY_MS,
  EVERYTHING,
  mailboxId,
  newMessage,
  openMailbox,
  segmentsOf,
  showAccount,
  steppedClock,
  useDatabase,
} from './journal-node.ts';

const setup = useDatabase();
const { node } = setup;

/** The lowest and the highest record that is kept. */
async function kept(account: AccountId): Promise<readonly [number, number]> {
  const { beyond, records } = await setup.store.readAfter(account, 0, 1);
  const { last } = await setup.store.readGaps(account, 1);
  return [beyond ?? records[0]?.q ?? 0, last];
}

/** An account with six records a day for so many days: messages come, are changed, moved and expunged. */
async function busyAccount(days: number) {
  const clock = steppedClock();
  const one = node({ clock, settings: { foldRecords: 12 } });
  const account = await createAccount(one);
  const inbox = await openMailbox(one, account);
  const sent = await mailboxId(one, account, 'Sent');
  // Nothing ever happens to it: what is written of it stands.
  await one.append(account, await mailboxId(one, account, 'Trash'), [newMessage()]);
  for (let day = 0; day < days; day += 1) {
    for (let count = 0; count < 3; count += 1)
      await one.append(account, inbox.id, [newMessage({ flags: { system: 0, keywords: [`k${day % 5}`] } })]);
    const last = inbox.info().uidNext - 1;
    await inbox.storeFlags([{ from: last - 1, to: last }], { mode: 'add', flags: { system: 9, keywords: [] } });
    await inbox.move([{ from: last - 2, to: last - 2 }], sent);
    await inbox.expunge([{ from: last, to: last }]);
    clock.at += DAY_MS;
  }
  return { account, clock, one, inbox };
}

describe('retention', () => {
  it('removes records past it once the base has taken them in, and base and journal make the head again', async () => {
    const { account, clock, one, inbox } = await busyAccount(45);
    const before = await showAccount(one, account);
    const [, last] = await kept(account);
    assert.equal((await one.maintain(account)).records, 0);
    assert.deepEqual(await kept(account), [1, last]);
    const report = await one.maintain(account);
    const base = await setup.store.readCheckpoint(account, 'base');
    assert.ok(base !== undefined && base.q > 50, String(base?.q));
    assert.equal(report.records, base.q);
    assert.deepEqual(await kept(account), [base.q + 1, last]);
    const [oldest] = (await setup.store.readAfter(account, base.q, 1)).records;
    assert.ok(oldest !== undefined && oldest.at >= clock.at - 30 * DAY_MS);

    assert.deepEqual(await showAccount(node({ clock }), account), before);
    assert.deepEqual(await one.check(account), []);
    await setup.store.removeCheckpoint(account, 'head');
    assert.deepEqual(await showAccount(node({ clock }), account), before);
    await one.rebuild(account);
    const head = await setup.store.readCheckpoint(account);
    assert.equal(head?.q, last);
    const own = new Set(namedSegments(head).map(({ ref }) => ref.generation));
    for (const { ref } of namedSegments(base)) assert.ok(!own.has(ref.generation), 'head and base share a segment');
    assert.deepEqual(await showAccount(node({ clock }), account), before);
    assert.equal((await one.append(account, inbox.id, [newMessage()])).modseq, last + 1);
  });

  it('follows day by day, and leaves no segment behind', async () => {
    const { account, clock, one, inbox } = await busyAccount(31);
    for (let day = 0; day < 12; day += 1) {
      await one.append(account, inbox.id, [newMessage()]);
      clock.at += DAY_MS;
      await one.maintain(account);
    }
    const head = await setup.store.readCheckpoint(account);
    const base = await setup.store.readCheckpoint(account, 'base');
    assert.ok(head !== undefined && base !== undefined);
    const named = [head, base].flatMap(({ segments }) =>
      [...segments.values()].flatMap(({ rows, tombstones }) => [...rows, ...tombstones]),
    );
    assert.equal(await segmentsOf(setup.database, account), named.length);
    assert.equal(new Set(named.map(({ generation, number }) => `${generation}/${number}`)).size, named.length);
    assert.deepEqual(await one.maintain(account), { records: 0, strays: 0, isRemoved: false });
    assert.deepEqual(await one.check(account), []);
  });

  it('a record whose clock was far behind stays until those who have not heard of it look for themselves', async () => {
    const { account, clock, one, inbox } = await busyAccount(1);
    const behind = { ...clock, now: () => clock.at - 60 * DAY_MS };
    clock.at += 31 * DAY_MS;
    await one.list(account);
    const late = node({ clock: behind, settings: { foldRecords: 2 } });
    for (let count = 0; count < 4; count += 1) await late.append(account, inbox.id, [newMessage()]);
    // Deaf to hints, this node goes on from what it knows.
    await node({ clock, settings: { foldRecords: 2 } }).maintain(account);
    await one.append(account, inbox.id, [newMessage()]);
    const shown = await showAccount(one, account);
    assert.deepEqual(await showAccount(node({ clock }), account), shown);
    clock.at += DAY_MS;
    assert.ok((await node({ clock }).maintain(account)).records > 4);
    assert.deepEqual(await showAccount(one, account), shown);
    assert.deepEqual(await one.check(account), []);
  });

  it('a delivery that looks far back is not taken for one that nobody made', async () => {
    const { account, clock, one } = await busyAccount(45);
    await one.maintain(account);
    const message = newMessage();
    const first = await one.deliver(account, { message, mailboxPath: 'INBOX', existedSinceQ: undefined });
    // More records than checkpoints remember deliveries of.
    for (const base of [1_000_000, 2_000_000])
      await Promise.all(Array.from({ length: 550 }, (_, count) => one.setQuota(account, base + count)));
    await one.fold(account);
    const again = await node({ clock }).deliver(account, { message, mailboxPath: 'INBOX', existedSinceQ: 0 });
    assert.deepEqual(again.uids, first.uids);
  });

  it('a node that slept while its tail was removed opens the account afresh, and its sessions end', async () => {
    const { account, clock, one } = await busyAccount(2);
    const sleeper = node({ clock });
    const asleep = await openMailbox(sleeper, account);
    const events: string[] = [];
    asleep.onEvent(({ kind }) => events.push(kind));
    let watchersEnds = 0;
    const stop = sleeper.watch(account, () => assert.fail('told'), () => (watchersEnds += 1)); // prettier-ignore
    await sleeper.list(account);
    const inbox = await openMailbox(one, account);
    for (let day = 0; day < 45; day += 1) {
      await one.append(account, inbox.id, [newMessage()]);
      clock.at += DAY_MS;
    }
    await one.maintain(account);
    clock.at += 31 * DAY_MS;
    await one.maintain(account);
    const before = await showAccount(one, account);
    assert.ok(sleeper.knownQ(account) < ((await setup.store.readCheckpoint(account, 'base'))?.q ?? 0));
    await assert.rejects(sleeper.append(account, inbox.id, [newMessage()]), { code: 'unavailable' });
    assert.deepEqual(events, ['deleted']);
    assert.equal(watchersEnds, 1);
    await assert.rejects(asleep.expunge(EVERYTHING, { force: true }), { code: 'unavailable' });
    asleep.close();
    assert.deepEqual(await showAccount(sleeper, account), before);
    assert.deepEqual(await showAccount(node({ clock }), account), before);
    stop();
    const { uids } = await sleeper.append(account, inbox.id, [newMessage()]);
    assert.deepEqual(
      uids,
      [(await one.append(account, inbox.id, [newMessage()])).uids[0]].map((uid) => (uid ?? 0) - 1),
    );
  });

  it('a record inserted by a process that stood still in between is not taken for committed', async () => {
    const { account, clock, one } = await busyAccount(1);
    const inbox = await mailboxId(one, account, 'INBOX');
    let sleep = async (): Promise<void> => undefined;
    const sleeper = node({
      clock,
      store: {
        ...setup.store,
        insert: async (...given) => {
          await sleep();
          return setup.store.insert(...given);
        },
      },
    });
    await sleeper.append(account, inbox, [newMessage()]);
    sleep = async () => {
      sleep = async () => undefined;
      for (let count = 0; count < 40; count += 1) await one.append(account, inbox, [newMessage()]);
      clock.at += 40 * DAY_MS;
      await one.append(account, inbox, [newMessage()]);
      for (let run = 0; run < 2; run += 1) await one.maintain(account);
    };
    const messages = (await one.list(account))[0]?.messages ?? 0;
    await assert.rejects(sleeper.append(account, inbox, [newMessage()]), { code: 'unavailable' });
    assert.equal((await sleeper.list(account))[0]?.messages, messages + 41);
    assert.deepEqual(await showAccount(node({ clock }), account), await showAccount(one, account));
  });

  it('a closed account goes wholly, after the retention, and stays closed to those who remember it', async () => {
    const { account, clock, one } = await busyAccount(3);
    const sleeper = node({ clock });
    const inbox: MailboxId = (await openMailbox(sleeper, account)).id;
    await one.closeAccount(account);
    await one.maintain(account);
    assert.ok((await kept(account))[1] > 0);
    clock.at += 31 * DAY_MS;
    assert.equal((await one.maintain(account)).isRemoved, true);
    assert.deepEqual(await kept(account), [0, 0]);
    assert.equal(await segmentsOf(setup.database, account), 0);
    assert.equal(await setup.store.readCheckpoint(account), undefined);
    assert.equal(await setup.store.readCheckpoint(account, 'base'), undefined);
    await assert.rejects(sleeper.append(account, inbox, [newMessage()]), { code: 'unavailable' });
    await assert.rejects(one.list(account), { code: 'unavailable' });
    for (const journal of [sleeper, one, node({ clock })])
      await assert.rejects(journal.list(account), { code: 'user-not-found' });
    assert.deepEqual(await kept(account), [0, 0]);
  });

  it('accounts are told one after another, by range', async () => {
    const found: AccountId[] = [];
    for await (const account of node().accounts()) found.push(account);
    assert.deepEqual(found, [...new Set(found)].sort());
    assert.ok(found.length >= 4);
    const [first, second, third] = found;
    assert.ok(first !== undefined && second !== undefined && third !== undefined);
    const some: AccountId[] = [];
    for await (const account of node().accounts({ after: first, upTo: third })) some.push(account);
    assert.deepEqual(some, [second, third]);
  });
});
