import { createHash, randomBytes } from 'node:crypto';
import type { Database } from '../../lib/db/index.ts';
import {
  createLocalHints,
  createMailboxes,
  journalSection,
  type Hints,
  type Journal,
  type NewMessage,
} from '../../lib/journal/index.ts';
import type { JournalStore } from '../../lib/journal/journal-store.ts';
import type { JournalSettings } from '../../lib/journal/settings.ts';
import { systemClock, type Clock } from '../../lib/kernel/clock.ts';
import { newAccountId, type AccountId, type MailboxId, type MessageId } from '../../lib/kernel/ids.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { defaultsOf } from '../../lib/kernel/section.ts';

export interface NodeOptions {
  readonly settings?: Partial<JournalSettings>;
  readonly hints?: Hints;
  readonly clock?: Clock;
  readonly store?: JournalStore;
  readonly renew?: (account: AccountId, messageIds: readonly MessageId[]) => Promise<readonly boolean[]>;
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
