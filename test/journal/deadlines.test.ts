import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AccountLog } from '../../lib/journal/account-log.ts';
import { CommitQueue } from '../../lib/journal/commit-queue.ts';
import { appendCommand, expungeCommand } from '../../lib/journal/decide-messages.ts';
import type { Journal, MailboxEvent, OpenMailbox } from '../../lib/journal/index.ts';
import type { JournalStore } from '../../lib/journal/journal-store.ts';
import { uidsOf } from '../../lib/journal/uid-set.ts';
import { systemClock } from '../../lib/kernel/clock.ts';
import type { MailError } from '../../lib/kernel/errors.ts';
import type { AccountId } from '../../lib/kernel/ids.ts';
import {
  createAccount,
  DAY_MS,
  EVERYTHING,
  mailboxId,
  newMessage,
  steppedClock,
  useDatabase,
  type NodeOptions,
} from './journal-node.ts';

const setup = useDatabase();
const { node } = setup;

/** How long the impatient of these commands have. */
const SHORT_MS = 80;

/** Holds whoever passes while it is shut; then they go on, or all of them fail. */
class Gate {
  isShut = false;
  /** Those who are held. */
  held = 0;
  #open = Promise.withResolvers<undefined>();

  async pass(): Promise<void> {
    if (!this.isShut) return;
    this.held += 1;
    await this.#open.promise;
  }

  shut(): void {
    this.isShut = true;
  }

  open(error?: Error): void {
    this.isShut = false;
    this.#open.promise.catch(() => undefined);
    if (error === undefined) this.#open.resolve(undefined);
    else this.#open.reject(error);
    this.#open = Promise.withResolvers();
    this.held = 0;
  }
}

type Held = 'readAfter' | 'readCheckpoint' | 'readSegments' | 'insert' | 'inserted';

interface HangingStore {
  readonly store: JournalStore;
  /** `insert`: before it is carried out, `inserted`: after. */
  readonly gates: Readonly<Record<Held, Gate>>;
  /** While true, inserts are carried out and nobody hears of it. */
  readonly replies: { areLost: boolean };
}

/** The real store, of which each operation may hang. */
function hangingStore(base: JournalStore): HangingStore {
  const replies = { areLost: false };
  const gates = {
    readAfter: new Gate(),
    readCheckpoint: new Gate(),
    readSegments: new Gate(),
    insert: new Gate(),
    inserted: new Gate(),
  };
  const store: JournalStore = {
    ...base,
    readAfter: async (...given) => gates.readAfter.pass().then(() => base.readAfter(...given)),
    readCheckpoint: async (...given) => gates.readCheckpoint.pass().then(() => base.readCheckpoint(...given)),
    readSegments: async (...given) => gates.readSegments.pass().then(() => base.readSegments(...given)),
    insert: async (...given) => {
      await gates.insert.pass();
      const outcome = await base.insert(...given);
      await gates.inserted.pass();
      return replies.areLost ? { kind: 'stopped', committed: 0, reason: 'unknown', error: 'cut' } : outcome;
    },
  };
  return { store, gates, replies };
}

interface Hanging extends HangingStore {
  readonly mine: Journal;
  readonly other: Journal;
  readonly account: AccountId;
  readonly inbox: OpenMailbox;
  /** UIDs as the session heard of them. */
  readonly heard: number[];
}

async function hanging(options: NodeOptions = {}): Promise<Hanging> {
  const hanging = hangingStore(setup.store);
  const mine = node({ ...options, store: hanging.store });
  const other = node(options.clock === undefined ? {} : { clock: options.clock });
  const account = await createAccount(mine);
  const inbox = await mine.open(account, await mailboxId(mine, account, 'INBOX'));
  const heard: number[] = [];
  inbox.onEvent((event: MailboxEvent) => {
    if (event.kind === 'appended') heard.push(...uidsOf(event.uids));
  });
  return { ...hanging, mine, other, account, inbox, heard };
}

const soon = (): number => performance.now() + SHORT_MS;

async function uidsOn(journal: Journal, account: AccountId): Promise<number[]> {
  const opened = await journal.open(account, await mailboxId(journal, account, 'INBOX'), { isReadOnly: true });
  const uids = [...opened.uids()];
  opened.close();
  return uids;
}

/** All goes on, each message is there once, and this node and another agree. */
async function assertGoesOn({ mine, other, account, inbox, heard }: Hanging, uids: readonly number[]): Promise<void> {
  const next = (uids.at(-1) ?? 0) + 1;
  assert.deepEqual((await mine.append(account, inbox.id, [newMessage()])).uids, [next]);
  const all = [...uids, next];
  assert.deepEqual([...inbox.uids()], all);
  assert.deepEqual(heard, all);
  assert.deepEqual(await uidsOn(other, account), all);
  assert.deepEqual(await other.check(account), []);
  inbox.close();
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'done',
    (error: unknown) => (error as MailError).code,
  );
}

describe('at its deadline a command is answered, whatever hangs', { timeout: 30_000 }, () => {
  it('an insert whose reply is lost, and the look at what became of it', async () => {
    const set = await hanging();
    const { mine, account, inbox, gates, replies } = set;
    replies.areLost = true;
    gates.readAfter.shut();
    assert.equal(await codeOf(mine.append(account, inbox.id, [newMessage()], { deadline: soon() })), 'outcome-unknown');
    assert.ok(gates.readAfter.held > 0);
    replies.areLost = false;
    gates.readAfter.open();
    await inbox.refresh();
    await assertGoesOn(set, [1]);
  });

  it('an insert that is carried out when everybody has given it up', async () => {
    const set = await hanging();
    const { mine, account, inbox, gates } = set;
    gates.insert.shut();
    gates.readAfter.shut();
    const given = [1, 2, 3].map(() => mine.append(account, inbox.id, [newMessage()], { deadline: soon() }));
    assert.deepEqual(await Promise.all(given.map(codeOf)), Array<string>(3).fill('outcome-unknown'));
    gates.readAfter.open(new Error('cut off'));
    gates.insert.open();
    while (inbox.uids().length < 3) await inbox.refresh();
    await assertGoesOn(set, [1, 2, 3]);
  });

  it('those who wait behind it, each at its own, while it goes on and is settled once', async () => {
    const set = await hanging();
    const { mine, account, inbox, gates, replies } = set;
    replies.areLost = true;
    gates.readAfter.shut();
    const first = mine.append(account, inbox.id, [newMessage()]);
    while (gates.readAfter.held === 0) await new Promise(setImmediate);
    const flags = { mode: 'add', flags: { system: 1, keywords: [] } } as const;
    const behind = [
      mine.append(account, inbox.id, [newMessage()], { deadline: soon() }),
      inbox.storeFlags(EVERYTHING, flags, { deadline: soon() }),
      mine.append(account, inbox.id, [newMessage()], { deadline: performance.now() - 1 }),
    ];
    const patient = mine.append(account, inbox.id, [newMessage()]);
    assert.deepEqual(await Promise.all(behind.map(codeOf)), Array<string>(3).fill('unavailable'));
    replies.areLost = false;
    gates.readAfter.open();
    assert.deepEqual([(await first).uids, (await patient).uids], [[1], [2]]);
    await assertGoesOn(set, [1, 2]);
  });

  it('those of a group, each at its own; who was told that nobody knows is not decided again', async () => {
    const set = await hanging();
    const { mine, other, account, inbox, gates } = set;
    gates.insert.shut();
    const impatient = mine.append(account, inbox.id, [newMessage()], { deadline: soon() });
    const patient = mine.append(account, inbox.id, [newMessage()]);
    assert.equal(await codeOf(impatient), 'outcome-unknown');
    const [theirs] = (await other.append(account, inbox.id, [newMessage()])).uids;
    gates.insert.open();
    assert.deepEqual([theirs, (await patient).uids], [1, [2]]);
    await assertGoesOn(set, [1, 2]);
  });

  it('the look at the journal before a refusal, which holds nobody else up', async () => {
    const set = await hanging();
    const { mine, account, inbox, gates } = set;
    gates.readAfter.shut();
    const refused = [1, 2].map(async () => codeOf(inbox.expunge(undefined, { deadline: soon() })));
    const behind = mine.append(account, inbox.id, [newMessage()]);
    assert.deepEqual(await Promise.all(refused), ['unavailable', 'unavailable']);
    assert.deepEqual((await behind).uids, [1]);
    assert.ok(gates.readAfter.isShut);
    // The next look asks while the one that hangs is going on.
    const again = inbox.expunge(undefined);
    gates.readAfter.open();
    assert.deepEqual((await again).uids, []);
    await assertGoesOn(set, [1]);
  });

  it('the look that a state of long ago asks for', async () => {
    const clock = steppedClock();
    const set = await hanging({ clock });
    const { mine, account, inbox, gates } = set;
    clock.at += DAY_MS / 12;
    gates.readAfter.shut();
    const given = [1, 2].map(() => mine.append(account, inbox.id, [newMessage()], { deadline: soon() }));
    assert.deepEqual(await Promise.all(given.map(codeOf)), ['unavailable', 'unavailable']);
    gates.readAfter.open(new Error('cut off'));
    await assertGoesOn(set, []);
  });

  it('the look whether what was inserted after a long stand-still is read by anybody', async () => {
    const clock = steppedClock();
    const set = await hanging({ clock });
    const { mine, account, inbox, gates } = set;
    gates.inserted.shut();
    gates.readCheckpoint.shut();
    const given = mine.append(account, inbox.id, [newMessage()], { deadline: soon() });
    while (gates.inserted.held === 0) await new Promise(setImmediate);
    clock.at += DAY_MS / 12;
    gates.inserted.open();
    assert.equal(await codeOf(given), 'outcome-unknown');
    gates.readCheckpoint.open();
    await inbox.refresh();
    await assertGoesOn(set, [1]);
  });
  it('columns that are not there yet, and data that is renewed: neither holds anybody else up', async () => {
    const { mine, account, inbox } = await hanging();
    const message = newMessage();
    await mine.append(account, inbox.id, [newMessage()]);
    await mine.sweep(account, [message.messageId]);
    await mine.fold(account);
    inbox.close();
    const { store, gates } = hangingStore(setup.store);
    const renewal = new Gate();
    const log = await AccountLog.open(account, store, { clock: systemClock });
    const queue = new CommitQueue(log, {
      clock: systemClock,
      timeoutMs: 15_000,
      maxKeywords: 100,
      renew: async (ids) => renewal.pass().then(() => ids.map(() => true)),
      onCommitted: () => undefined,
      extraChanges: () => [],
    });
    const expunge = expungeCommand(inbox.id, undefined, true);
    const append = appendCommand(inbox.id, [message]);
    const messageIds = [message.messageId];
    gates.readSegments.shut();
    renewal.shut();
    const late = [
      queue.submit(expunge, { deadline: soon() }),
      queue.submit(append, { deadline: soon() + SHORT_MS, messageIds }),
    ].map(codeOf);
    const behind = queue.submit(append);
    assert.deepEqual(await Promise.all(late), ['unavailable', 'unavailable']);
    assert.deepEqual((await behind).uids, [2]);
    assert.ok(gates.readSegments.held > 0 && renewal.held > 0);
    gates.readSegments.open();
    renewal.open(new Error('cut off'));
    assert.deepEqual((await queue.submit(append, { messageIds })).uids, [3]);
    assert.deepEqual((await queue.submit(expunge)).uids, [1, 2, 3]);
    assert.deepEqual(await uidsOn(mine, account), []);
  });

  it('the opening of the account', async () => {
    const { account, inbox } = await hanging();
    inbox.close();
    const { store, gates } = hangingStore(setup.store);
    const cold = node({ store, settings: { commitTimeout: 150 } });
    gates.readCheckpoint.shut();
    const delivery = { message: newMessage(), mailboxPath: 'INBOX', existedSinceQ: undefined };
    const late = [
      cold.append(account, inbox.id, [newMessage()]),
      cold.deliver(account, delivery),
      cold.create(account, 'new'),
      cold.setQuota(account, 1),
    ].map(codeOf);
    assert.deepEqual(await Promise.all(late), Array<string>(4).fill('unavailable'));
    gates.readCheckpoint.open();
    assert.deepEqual(await uidsOn(cold, account), []);
    assert.deepEqual(await cold.find(account, 'new'), undefined);
  });
});
