import assert from 'node:assert/strict';
import type { Journal, NewMessage, OpenMailbox } from '../../lib/journal/index.ts';
import type { CommitOutcome, JournalStore } from '../../lib/journal/journal-store.ts';
import { uidsOf } from '../../lib/journal/uid-set.ts';
import { MailError } from '../../lib/kernel/errors.ts';
import type { AccountId, MessageId } from '../../lib/kernel/ids.ts';
import {
  createAccount,
  EVERYTHING,
  mailboxId,
  newMessage,
  openMailbox,
  seeded,
  showMailbox,
  type Setup,
} from './journal-node.ts';

type Random = () => number;

interface Sky {
  isBad: boolean;
  /** What nobody waits for any more and is carried out nevertheless. */
  readonly underWay: Set<Promise<unknown>>;
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate);
}

/**
 * A store that loses replies, hangs, and carries out what it was sent late, record after record, as far as it goes; reads
 * fail now and then. All of it in turns of the loop, none by the clock.
 */
function stormyStore(base: JournalStore, random: Random, sky: Sky): JournalStore {
  const oneByOne = async (account: AccountId, records: Parameters<JournalStore['insert']>[1]): Promise<void> => {
    for (const record of records) {
      await turns(Math.floor(random() * 30));
      const outcome = await base.insert(account, [record]);
      if (outcome.kind !== 'committed') return;
    }
  };
  const stopped = (reason: 'unknown' | 'failed'): CommitOutcome => ({ kind: 'stopped', committed: 0, reason, error: 'storm' }); // prettier-ignore
  return {
    ...base,
    insert: async (account, records) => {
      const fate = sky.isBad ? random() : 1;
      if (fate > 0.55) return base.insert(account, records);
      if (fate < 0.05) return stopped('failed');
      if (fate < 0.1) throw new MailError('unavailable', 'too much waits');
      if (fate < 0.15) return stopped('unknown');
      const work = oneByOne(account, records);
      sky.underWay.add(work);
      void work.finally(() => sky.underWay.delete(work));
      await (fate < 0.25 ? work : turns(Math.floor(random() * 40)));
      return stopped('unknown');
    },
    readAfter: async (...given) => {
      if (sky.isBad && random() < 0.2) throw new MailError('unavailable', 'storm');
      await turns(sky.isBad ? Math.floor(random() * 10) : 0);
      return base.readAfter(...given);
    },
  };
}

/** What clients were told of what they sent: UIDs, or the code of an error. */
interface Told {
  readonly messages: Map<MessageId, number | string>;
  /** By keyword, which one STORE alone sets: the UIDs. */
  readonly keywords: Map<string, readonly number[] | string>;
  /** By UID in INBOX; one MOVE each. */
  readonly moves: Map<number, boolean | string>;
}

/** One client's journal and mailbox. */
interface Client {
  readonly journal: Journal;
  readonly inbox: OpenMailbox;
  /** UIDs as it heard of them. */
  readonly heard: Set<number>;
}

function codeOf(error: unknown): string {
  assert.ok(error instanceof MailError && ['unavailable', 'outcome-unknown'].includes(error.code), String(error));
  return error.code;
}

class Storm {
  readonly told: Told = { messages: new Map(), keywords: new Map(), moves: new Map() };
  readonly #account: AccountId;
  readonly #clients: readonly Client[];
  readonly #random: Random;

  constructor(account: AccountId, clients: readonly Client[], random: Random) {
    this.#account = account;
    this.#clients = clients;
    this.#random = random;
  }

  async run(): Promise<void> {
    const works: Promise<unknown>[] = [];
    for (let wave = 0; wave < 6; wave += 1) {
      for (const client of this.#clients) {
        for (let count = 0; count < 4; count += 1) works.push(this.#send(client));
        if (this.#random() < 0.5) works.push(this.#flag(client));
        if (this.#random() < 0.5) works.push(this.#move(client));
        if (this.#random() < 0.4) works.push(client.journal.fold(this.#account).catch(() => undefined));
        if (this.#random() < 0.4) works.push(client.inbox.refresh().catch(() => undefined));
      }
      await turns(Math.floor(this.#random() * 60));
    }
    await Promise.all(works);
  }

  /** Some have no time at all. */
  get #deadline(): number {
    return performance.now() + (this.#random() < 0.3 ? 3 + this.#random() * 30 : 5000);
  }

  async #send(client: Client): Promise<void> {
    const message = newMessage();
    const { messages } = this.told;
    if (this.#random() < 0.5) {
      const work = client.journal.append(this.#account, client.inbox.id, [message], { deadline: this.#deadline });
      messages.set(message.messageId, await work.then(({ uids }) => uids[0] ?? 0, codeOf));
      return;
    }
    messages.set(message.messageId, await this.#deliver(client, message));
    // Whoever delivers tries again, elsewhere too.
    for (let attempt = 0; attempt < 5 && typeof messages.get(message.messageId) === 'string'; attempt += 1) {
      const other = this.#clients[Math.floor(this.#random() * this.#clients.length)] ?? client;
      const again = await this.#deliver(other, message);
      if (again !== 'unavailable' || messages.get(message.messageId) !== 'outcome-unknown')
        messages.set(message.messageId, again);
    }
  }

  #deliver({ journal }: Client, message: NewMessage): Promise<number | string> {
    const delivery = { message, mailboxPath: 'INBOX', existedSinceQ: undefined };
    return journal
      .deliver(this.#account, delivery, { deadline: this.#deadline })
      .then(({ uids }) => uids[0] ?? 0, codeOf);
  }

  async #flag({ inbox }: Client): Promise<void> {
    const keyword = `k${String(this.told.keywords.size)}`;
    this.told.keywords.set(keyword, '');
    const change = { mode: 'add', flags: { system: 1, keywords: [keyword] } } as const;
    const work = inbox.storeFlags(EVERYTHING, change, { deadline: this.#deadline });
    this.told.keywords.set(keyword, await work.then(({ changed }) => [...uidsOf(changed)], codeOf));
  }

  async #move({ inbox }: Client): Promise<void> {
    const uid = [...inbox.uids()].find((own) => !this.told.moves.has(own));
    if (uid === undefined) return;
    this.told.moves.set(uid, '');
    const work = inbox.move([{ from: uid, to: uid }], { path: 'Sent' }, { deadline: this.#deadline });
    this.told.moves.set(uid, await work.then(({ sourceUids }) => sourceUids.length === 1, codeOf));
  }
}

/** @throws AssertionError where something is not as somebody was told */
function compare({ messages, keywords, moves }: Told, inbox: OpenMailbox, sent: OpenMailbox): void {
  const inInbox = new Map([...inbox.rows(EVERYTHING)].map((row) => [row.uid as number, row]));
  const counts = new Map<MessageId, number>();
  for (const { messageId } of [...inInbox.values(), ...sent.rows(EVERYTHING)])
    counts.set(messageId, (counts.get(messageId) ?? 0) + 1);
  for (const [messageId, what] of messages) {
    const count = counts.get(messageId) ?? 0;
    if (what === 'unavailable') assert.equal(count, 0, 'refused');
    else if (what === 'outcome-unknown') assert.ok(count <= 1, 'unknown');
    else {
      assert.equal(count, 1, 'acknowledged');
      const row = inInbox.get(Number(what));
      assert.ok(
        row === undefined ? moves.has(Number(what)) : row.messageId === messageId,
        'acknowledged under its UID',
      );
    }
  }
  for (const [keyword, what] of keywords) {
    const carriers = [...inInbox.values()].filter(({ flags }) => flags.keywords.includes(keyword));
    if (what === 'unavailable') assert.deepEqual(carriers, [], 'a refused STORE');
    if (typeof what === 'string') continue;
    const left = what.filter((uid) => inInbox.has(uid));
    assert.deepEqual(carriers.map(({ uid }) => uid as number), left, 'an acknowledged STORE'); // prettier-ignore
  }
  for (const [uid, what] of moves) {
    if (what === true) assert.ok(!inInbox.has(uid), 'an acknowledged MOVE');
    if (what === 'unavailable') assert.ok(inInbox.has(uid), 'a refused MOVE');
  }
}

/**
 * Three nodes work on one account while the database is in trouble; then it is looked whether everything is as somebody
 * was told, once, and everywhere the same.
 * @throws AssertionError with the seed; what is awaited by the clock may make a run with it differ
 */
export async function weatherStorm(setup: Setup, seed: number): Promise<void> {
  try {
    await oneStorm(setup, seed);
  } catch (error) {
    throw new Error(`seed ${seed}`, { cause: error });
  }
}

async function oneStorm({ node, store }: Setup, seed: number): Promise<void> {
  const random = seeded(seed);
  const sky: Sky = { isBad: false, underWay: new Set() };
  const account = await createAccount(node());
  const clients: Client[] = [];
  for (let at = 0; at < 3; at += 1) {
    const journal = node({ store: stormyStore(store, random, sky), settings: { foldRecords: 8 } });
    const inbox = await openMailbox(journal, account);
    const heard = new Set<number>();
    inbox.onEvent((event) => {
      if (event.kind === 'appended') for (const uid of uidsOf(event.uids)) heard.add(uid);
      if (event.kind === 'expunged') for (const uid of uidsOf(event.uids)) heard.delete(uid);
    });
    clients.push({ journal, inbox, heard });
  }
  const storm = new Storm(account, clients, random);
  sky.isBad = true;
  await storm.run();
  sky.isBad = false;
  while (sky.underWay.size > 0) await Promise.all(sky.underWay);
  const fresh = node();
  const inbox = await openMailbox(fresh, account);
  const sent = await fresh.open(account, await mailboxId(fresh, account, 'Sent'));
  compare(storm.told, inbox, sent);
  for (const client of clients) {
    await client.inbox.refresh();
    assert.deepEqual([...client.heard], [...inbox.uids()], 'what a session heard');
    assert.deepEqual(showMailbox(client.inbox), showMailbox(inbox), 'what a session sees');
    client.inbox.close();
  }
  inbox.close();
  sent.close();
  assert.deepEqual(await fresh.check(account), []);
}
