import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Binary } from 'mongodb';
import { createJournalExport, type Journal } from '../../lib/journal/index.ts';
import { namedSegments } from '../../lib/journal/named-segments.ts';
import type { JournalStore } from '../../lib/journal/journal-store.ts';
import { MailError } from '../../lib/kernel/errors.ts';
import type { AccountId } from '../../lib/kernel/ids.ts';
import { CuttingStore, type Cut } from './cutting-store.ts';
import {
  createAccount,
  DAY_MS,
  mailboxId,
  newMessage,
  openMailbox,
  removeRecords,
  showAccount,
  steppedClock,
  useDatabase,
} from './journal-node.ts';

const setup = useDatabase();
const { node } = setup;

/** Forty days of two messages and an expunge each: the base stands ten days above the beginning, the head at the end. */
async function longAccount() {
  const clock = steppedClock();
  const one = node({ clock, settings: { foldRecords: 12 } });
  const account = await createAccount(one);
  const inbox = await openMailbox(one, account);
  await one.create(account, 'gone');
  await one.append(account, await mailboxId(one, account, 'gone'), [newMessage()]);
  for (let day = 0; day < 40; day += 1) {
    for (let count = 0; count < 2; count += 1)
      await one.append(account, inbox.id, [newMessage({ flags: { system: 1, keywords: [`k${String(day % 3)}`] } })]);
    await inbox.expunge([{ from: inbox.info().uidNext - 1, to: inbox.info().uidNext - 1 }], { force: true });
    if (day === 35) await one.remove(account, 'gone');
    clock.at += DAY_MS;
  }
  inbox.close();
  await one.fold(account);
  // The second removes what the first has put into the base.
  for (let run = 0; run < 2; run += 1) await one.maintain(account);
  const base = await setup.store.readCheckpoint(account, 'base');
  const head = await setup.store.readCheckpoint(account);
  assert.ok(base !== undefined && head !== undefined && base.q > 10 && head.q > base.q + 50);
  return { account, clock, one, base, head };
}

const baseKey = (account: AccountId): Binary => new Binary(Buffer.concat([Buffer.from(account, 'hex'), Buffer.of(2)]));

async function expungedOf(journal: Journal, account: AccountId): Promise<readonly string[]> {
  return (await journal.expunged(account, { limit: 1000 })).messages.map(({ id }) => id);
}

/** The account is whole, shows what it showed, and goes on; base and head share nothing, and each makes the other. */
async function assertWhole(account: AccountId, clock: ReturnType<typeof steppedClock>, shown: unknown): Promise<void> {
  const fresh = node({ clock });
  assert.deepEqual(await fresh.check(account), []);
  assert.deepEqual(await showAccount(fresh, account), shown);
  await fresh.maintain(account);
  const [base, head] = [await setup.store.readCheckpoint(account, 'base'), await setup.store.readCheckpoint(account)];
  assert.ok(base !== undefined && head !== undefined && base.q <= head.q);
  const named = [...namedSegments(base), ...namedSegments(head)].map(
    ({ ref }) => `${ref.generation}/${String(ref.number)}`,
  );
  assert.equal(new Set(named).size, named.length, 'base and head share nothing');
  assert.equal((await setup.store.listSegments(account)).length, named.length, 'nothing is left over');
  await fresh.append(account, await mailboxId(fresh, account, 'Sent'), [newMessage()]);
  const after = await showAccount(fresh, account);
  await setup.store.removeCheckpoint(account, 'head');
  assert.deepEqual(await showAccount(node({ clock }), account), after);
}

function assertCode(error: unknown, code: string): void {
  assert.ok(error instanceof MailError && error.code === code, String(error));
}

describe('a base that is made anew of the head', () => {
  for (const [what, damage] of [
    [
      'records below the head are missing',
      ({ account, base }) => removeRecords(setup.database, account, base.q + 5, base.q + 7),
    ],
    [
      'the record right after the base',
      ({ account, base }) => removeRecords(setup.database, account, base.q + 1, base.q + 1),
    ],
    [
      'the base lost its segments',
      async ({ account, base }) => setup.store.removeSegments(account, namedSegments(base)),
    ],
    [
      'the base cannot be read',
      async ({ account }) => {
        const change = { $set: { deliveries: Buffer.from('x') } };
        await setup.database.collection('checkpoints').updateOne({ _id: baseKey(account) }, change);
      },
    ],
    [
      'there is none, and the journal begins late',
      async ({ account }) => setup.store.removeCheckpoint(account, 'base'),
    ],
  ] as readonly (readonly [string, (lost: Awaited<ReturnType<typeof longAccount>>) => Promise<void>])[]) {
    it(`where ${what}`, async () => {
      const long = await longAccount();
      const { account, clock, one, base, head } = long;
      const [shown, expunged] = [await showAccount(one, account), await expungedOf(one, account)];
      await damage(long);
      const fresh = node({ clock });
      assert.notDeepEqual(await fresh.check(account), []);
      await assert.rejects(fresh.rebuild(account), { code: 'unavailable' });
      const remade = await fresh.remakeBase(account);
      assert.deepEqual([remade.q, remade.forgotten], [head.q, []]);
      assert.ok(remade.stoodAt === base.q || remade.stoodAt === 0);
      assert.equal(remade.at, (await setup.store.readAfter(account, head.q - 1, 1)).records[0]?.at);
      assert.deepEqual(await expungedOf(node({ clock }), account), expunged);
      assert.ok(expunged.length > 10);
      await assert.rejects(fresh.remakeBase(account), { code: 'not-permitted' });
      await assertWhole(account, clock, shown);
    });
  }

  it('where every record is past the retention, and none is left', async () => {
    const { account, clock, one } = await longAccount();
    clock.at += 100 * DAY_MS;
    for (let run = 0; run < 2; run += 1) await one.maintain(account);
    const [base, head] = [await setup.store.readCheckpoint(account, 'base'), await setup.store.readCheckpoint(account)];
    assert.ok(base !== undefined && base.q === head?.q);
    assert.equal((await setup.store.readGaps(account, 1)).last, 0);
    const shown = await showAccount(one, account);
    await setup.store.removeSegments(account, namedSegments(base));
    const remade = await node({ clock }).remakeBase(account);
    assert.deepEqual([remade.q, remade.at, remade.stoodAt], [head.q, undefined, base.q]);
    await assertWhole(account, clock, shown);
  });

  it('lets backups go on, from wherever they were', async () => {
    const { account, clock, base } = await longAccount();
    await removeRecords(setup.database, account, base.q + 5, base.q + 5);
    const exported = createJournalExport(setup.database);
    const read = async (after: number): Promise<readonly number[]> => {
      const numbers: number[] = [];
      for await (const { kind, q } of exported.read(account, after)) if (kind === 'checkpoint') numbers.push(q);
      return numbers;
    };
    await assert.rejects(read(base.q + 2), { code: 'unavailable' });
    const { q } = await node({ clock }).remakeBase(account);
    for (const after of [0, base.q + 2]) assert.equal((await read(after)).at(-1), q);
    assert.deepEqual(await read(q), []);
  });

  it('beside nodes that remember what is behind the hole, and sessions', async () => {
    const { account, clock, one, base } = await longAccount();
    const session = await openMailbox(one, account);
    await removeRecords(setup.database, account, base.q + 5, base.q + 5);
    await node({ clock }).remakeBase(account);
    await one.append(account, session.id, [newMessage()]);
    await one.fold(account);
    const shown = await showAccount(one, account);
    session.close();
    await assertWhole(account, clock, shown);
  });

  it('says of which mailboxes expunged messages are forgotten', async () => {
    const { account, clock, base, head } = await longAccount();
    await removeRecords(setup.database, account, base.q + 5, base.q + 5);
    const inbox = head.mailboxes.find(({ path }) => path === 'INBOX');
    assert.ok(inbox !== undefined);
    const tombstones = head.segments.get(inbox.id)?.tombstones ?? [];
    await setup.store.removeSegments(account, [{ mailbox: inbox.id, ref: tombstones[0] ?? assert.fail() }]);
    const fresh = node({ clock });
    assert.deepEqual((await fresh.remakeBase(account)).forgotten, ['INBOX']);
    await fresh.rebuild(account);
    const shown = await showAccount(node({ clock }), account);
    await assertWhole(account, clock, shown);
  });

  it('forgets nothing because a fold elsewhere has put expunged messages together meanwhile', async () => {
    const clock = steppedClock();
    const one = node({ clock });
    const account = await createAccount(one);
    const inbox = await openMailbox(one, account);
    for (let count = 1; count <= 9; count += 1) {
      await one.append(account, inbox.id, [newMessage(), newMessage()]);
      await inbox.expunge([{ from: count * 2, to: count * 2 }], { force: true });
      await one.fold(account);
    }
    const head = (await setup.store.readCheckpoint(account)) ?? assert.fail();
    const tombstones = new Set(head.segments.get(inbox.id)?.tombstones.map(({ generation }) => generation));
    assert.equal(tombstones.size, 9);
    await removeRecords(setup.database, account, 3, 3);
    let isRaced = false;
    const store: JournalStore = {
      ...setup.store,
      readSegments: async (own, keys) => {
        if (!isRaced && keys.some(({ ref }) => tombstones.has(ref.generation) && keys.length === 9)) {
          isRaced = true;
          await inbox.expunge([{ from: 1, to: 1 }], { force: true });
          await one.fold(account);
        }
        return setup.store.readSegments(own, keys);
      },
    };
    const remade = await node({ clock, store }).remakeBase(account);
    assert.ok(isRaced);
    assert.deepEqual(remade.forgotten, []);
    const expunged = await expungedOf(node({ clock }), account);
    assert.equal(expunged.length, 10);
    await node({ clock }).rebuild(account);
    assert.deepEqual(await expungedOf(node({ clock }), account), expunged);
    inbox.close();
  });

  it('is refused where the head, or what comes after it, says less than was acknowledged', async () => {
    const { account, clock, one, base, head } = await longAccount();
    const fresh = node({ clock });
    await assert.rejects(fresh.remakeBase(account), { code: 'not-permitted' });
    await removeRecords(setup.database, account, base.q + 5, base.q + 5);
    const refused = async (what: string): Promise<void> => {
      await assert.rejects(node({ clock }).remakeBase(account), { code: 'unavailable' }, what);
      assert.equal((await setup.store.readCheckpoint(account, 'base'))?.rev, base.rev, what);
    };
    await setup.store.replaceCheckpoint(account, { ...head, mailboxes: head.mailboxes.map((own) => ({ ...own, messages: 1 })) }, head); // prettier-ignore
    await refused('a head that miscounts');
    const miscounting = await setup.store.readCheckpoint(account);
    await setup.store.replaceCheckpoint(account, head, miscounting);
    const rows = namedSegments(head).slice(0, 1);
    const octets = await setup.store.readSegments(account, rows);
    await setup.store.removeSegments(account, rows);
    await refused('a segment of the head is missing');
    await setup.store.writeSegments(account, rows.map((key, index) => ({ key, packed: octets[index] ?? assert.fail() }))); // prettier-ignore
    for (let count = 0; count < 3; count += 1)
      await one.append(account, await mailboxId(one, account, 'INBOX'), [newMessage()]);
    await removeRecords(setup.database, account, head.q + 2, head.q + 2);
    await refused('a hole above the head');
    await removeRecords(setup.database, account, head.q, head.q + 3);
    await refused('a journal that ends below the head');
    await setup.store.removeCheckpoint(account, 'head');
    await refused('no head');
  });

  it('may be cut off at any write, and is done when it is begun again', async () => {
    const cuts: readonly Cut[] = ['before', 'after', 'twice'];
    for (const isReadable of [true, false]) {
      let steps = 1;
      for (let cutAt = 1; cutAt <= steps; cutAt += 1) {
        for (const cut of cuts) {
          const clock = steppedClock();
          const one = node({ clock });
          const account = await createAccount(one);
          const inbox = await openMailbox(one, account);
          for (let count = 0; count < 4; count += 1) await one.append(account, inbox.id, [newMessage()]);
          await inbox.expunge([{ from: 1, to: 1 }], { force: true });
          inbox.close();
          await one.fold(account);
          const shown = await showAccount(one, account);
          if (!isReadable)
            await setup.database
              .collection('checkpoints')
              .insertOne({ _id: baseKey(account) as never, v: 1, q: 2, rev: 'nonsense' });
          await removeRecords(setup.database, account, 3, 3);
          const store = new CuttingStore(setup.store, cutAt, cut);
          await node({ clock, store }).remakeBase(account).catch((error: unknown) => assertCode(error, 'unavailable')); // prettier-ignore
          steps = Math.max(steps, store.steps);
          const what = `${cut} ${String(cutAt)}`;
          assert.deepEqual(await showAccount(node({ clock }), account), shown, what);
          if (cut === 'twice') assert.deepEqual(await node({ clock }).check(account), [], what);
          await node({ clock }).remakeBase(account).catch((error: unknown) => assertCode(error, 'not-permitted')); // prettier-ignore
          await assertWhole(account, clock, shown);
        }
      }
      assert.ok(steps >= (isReadable ? 2 : 3), String(steps));
    }
  });
});
