import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before } from 'node:test';
import { Binary } from 'mongodb';
import type { Database } from '../../lib/db/index.ts';
import {
  createLocalHints,
  createMailboxes,
  journalSection,
  openJournalStore,
  type Hints,
  type Journal,
  type NewMessage,
  type OpenMailbox,
} from '../../lib/journal/index.ts';
import type { JournalStore } from '../../lib/journal/journal-store.ts';
import type { JournalSettings } from '../../lib/journal/settings.ts';
import { systemClock, type Clock } from '../../lib/kernel/clock.ts';
import { newAccountId, type AccountId, type MailboxId, type MessageId } from '../../lib/kernel/ids.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { defaultsOf } from '../../lib/kernel/section.ts';
import { openTestDatabase } from '../support/database.ts';

export interface NodeOptions {
  readonly settings?: Partial<JournalSettings>;
  readonly hints?: Hints;
  readonly clock?: Clock;
  readonly store?: JournalStore;
  readonly renew?: (account: AccountId, messageIds: readonly MessageId[]) => Promise<readonly boolean[]>;
}

/** An empty database for a test file and nodes on it; all of it is closed after the file's tests. */
export interface Setup {
  readonly database: Database;
  readonly store: JournalStore;
  readonly node: (options?: NodeOptions) => Journal;
}

export function useDatabase(): Setup {
  let opened: Database | undefined;
  const nodes: Journal[] = [];
  const database = (): Database => {
    assert.ok(opened);
    return opened;
  };
  before(async () => {
    opened = await openTestDatabase();
  });
  after(async () => {
    await Promise.all(nodes.map((node) => node.close()));
    await opened?.close();
  });
  return {
    get database() {
      return database();
    },
    get store() {
      return openJournalStore(database());
    },
    node: (options) => {
      const made = createNode(database(), options);
      nodes.push(made);
      return made;
    },
  };
}

/** The journal as one process has it; several on one database are several nodes. */
export function createNode(database: Database, options: NodeOptions = {}): Journal {
  const { settings, hints = createLocalHints(), clock = systemClock, ...rest } = options;
  return createMailboxes({
    database,
    clock,
    logger: silentLogger,
    hints,
    settings: { ...defaultsOf(journalSection), ...settings },
    ...rest,
  });
}

/** A fresh account with INBOX, Sent and Trash. */
export async function createAccount(journal: Journal, quotaOctets = 0): Promise<AccountId> {
  const account = newAccountId();
  await journal.createAccount(account, {
    quotaOctets,
    mailboxes: [
      { path: 'INBOX', subscribe: true },
      { path: 'Sent', specialUse: '\\Sent', subscribe: true },
      { path: 'Trash', specialUse: '\\Trash', subscribe: false },
    ],
  });
  return account;
}

export async function mailboxId(journal: Journal, account: AccountId, path: string): Promise<MailboxId> {
  const info = await journal.find(account, path);
  if (info === undefined) throw new Error(`no mailbox ${path}`);
  return info.id;
}

export function newMessage(overrides: Partial<NewMessage> = {}): NewMessage {
  const messageId = randomBytes(16).toString('hex') as MessageId;
  return {
    messageId,
    thread: messageId,
    size: 100,
    crlfSize: 102,
    flags: { system: 0, keywords: [] },
    internalDate: { at: 1_700_000_000_000, zoneMinutes: 60 },
    sentDate: { at: 1_699_999_000_000, zoneMinutes: -480 },
    ...overrides,
  };
}

export function messageIdOf(text: string): MessageId {
  return createHash('sha256').update(text).digest('hex').slice(0, 32) as MessageId;
}

export const DAY_MS = 86_400_000;

/** A clock whose time of day the test moves; spans are real. */
export function steppedClock(): Clock & { at: number } {
  const clock = { at: 1_800_000_000_000, now: () => clock.at, monotonic: () => performance.now() };
  return clock;
}

export async function openMailbox(journal: Journal, account: AccountId, path = 'INBOX'): Promise<OpenMailbox> {
  return journal.open(account, await mailboxId(journal, account, path));
}

/** As if they had never been written. */
export async function removeRecords(database: Database, account: AccountId, from: number, to: number): Promise<void> {
  for (let q = from; q <= to; q += 1) {
    const key = Buffer.alloc(18);
    key.write(account, 'hex');
    key.writeUIntBE(q, 12, 6);
    await database.collection('journal').deleteOne({ _id: new Binary(key) as never });
  }
}

/** How many segments an account has, named by a checkpoint or not. */
export async function segmentsOf(database: Database, account: AccountId): Promise<number> {
  const [from, to] = [0, 0xff].map((octet) => Buffer.concat([Buffer.from(account, 'hex'), Buffer.alloc(24, octet)]));
  const range = { $gte: new Binary(from), $lte: new Binary(to) };
  return (
    await database
      .collection('segments')
      .find({ _id: range as never })
      .toArray()
  ).length;
}

/** A mailbox as an open session sees it. */
export function showMailbox(mailbox: OpenMailbox): unknown {
  return { info: mailbox.info(), rows: [...mailbox.rows(EVERYTHING)] };
}

/** Everything that a client can see of an account, but for the order of keywords. */
export async function showAccount(journal: Journal, account: AccountId): Promise<unknown> {
  const mailboxes: unknown[] = [];
  for (const { keywords, ...info } of await journal.list(account)) {
    if (info.isNoselect) {
      mailboxes.push(info);
      continue;
    }
    const mailbox = await journal.open(account, info.id, { isReadOnly: true });
    const rows = [...mailbox.rows(EVERYTHING)].map((row) => ({
      ...row,
      flags: { ...row.flags, keywords: [...row.flags.keywords].sort() },
    }));
    const used = new Set(rows.flatMap(({ flags }) => flags.keywords));
    mailboxes.push({ info, rows, vanished: await mailbox.vanishedSince(1), unknown: [...used].filter((name) => !keywords.includes(name)) }); // prettier-ignore
    mailbox.close();
  }
  return {
    mailboxes,
    subscriptions: await journal.subscriptions(account),
    usage: await journal.usage(account),
    q: journal.knownQ(account),
  };
}

export const EVERYTHING = [{ from: 1, to: 2 ** 32 - 1 }];

/** A generator of the same numbers for the same seed: [0, 1). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
