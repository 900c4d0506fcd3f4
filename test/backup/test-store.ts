import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { accountsSection, createAccounts, createUserTransfer, type User } from '../../lib/accounts/index.ts';
import { createAddresses, createAddressTransfer, prepareAddresses } from '../../lib/addresses/index.ts';
import { createAttachments, type AttachmentsRoom } from '../../lib/attachments/index.ts';
import { createPasswordHasher } from '../../lib/auth/index.ts';
import type { BackupRooms, RestoreRooms } from '../../lib/backup/index.ts';
import { createRestoreNotes, type Database, type DatabaseOptions } from '../../lib/db/index.ts';
import { imapRenderer } from '../../lib/frontends/imap/index.ts';
import {
  createJournalExport,
  createJournalImport,
  createLocalHints,
  createMailboxes,
  journalSection,
  type FlagSet,
  type Journal,
} from '../../lib/journal/index.ts';
import { systemClock, type Clock } from '../../lib/kernel/clock.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { defaultsOf } from '../../lib/kernel/section.ts';
import { createMessages, createMessageTransfer, type MessagesRoom } from '../../lib/messages/index.ts';
import type { Store } from '../../workers/compose.ts';
import { checkStore } from '../../workers/check-store.ts';
import { openTestDatabase } from '../support/database.ts';

/** A store with all of its rooms on a database of its own. */
export interface TestStore extends BackupRooms, RestoreRooms {
  readonly database: Database;
  readonly rooms: Pick<Store, 'accounts' | 'addresses' | 'mailboxes' | 'messages'>;
  readonly mailboxes: Journal;
  readonly content: MessagesRoom;
  readonly attachments: AttachmentsRoom;
  readonly journal: BackupRooms['journal'] & RestoreRooms['journal'];
  advance(ms: number): void;
  addUser(username: string, quotaOctets?: number): Promise<User>;
  /** By name, as it is now. */
  user(username: string): Promise<User>;
  append(username: string, path: string, octets: Buffer, flags?: FlagSet): Promise<number>;
  /** Everything a client sees of a user, as plain values. */
  look(username: string): Promise<readonly SeenMailbox[]>;
  /** What `eider fsck` finds. */
  damages(): Promise<readonly string[]>;
  close(): Promise<void>;
}

export interface SeenMailbox {
  readonly path: string;
  readonly uidValidity: number;
  readonly uidNext: number;
  readonly unseen: number;
  readonly isSubscribed: boolean;
  readonly messages: readonly SeenMessage[];
}

export interface SeenMessage {
  readonly uid: number;
  readonly flags: FlagSet;
  readonly internalDate: number;
  readonly savedAt: number;
  readonly sha256: string;
}

const passwords = createPasswordHasher({ memoryKib: 64, passes: 1, parallelism: 1 });
const EVERYTHING = [{ from: 1, to: 2 ** 32 - 1 }];

export async function openTestStore(options: Partial<DatabaseOptions> = {}): Promise<TestStore> {
  return openStoreOn(await openTestDatabase(options));
}

/** The rooms on a database that others may have open too; `close` closes it. */
export async function openStoreOn(database: Database): Promise<TestStore> {
  const spoolDir = await mkdtemp(join(tmpdir(), 'eider-test-'));
  let moved = 0;
  const clock: Clock = { now: () => systemClock.now() + moved, monotonic: () => systemClock.monotonic() + moved };
  const logger = silentLogger;
  const attachments = createAttachments({ database, clock });
  const content = createMessages({ database, attachments, clock, logger, renderer: imapRenderer, spoolDir });
  const mailboxes = createMailboxes({
    database,
    clock,
    logger,
    hints: createLocalHints(),
    settings: { ...defaultsOf(journalSection), foldRecords: 20 },
    renew: (account, ids) => content.renew(account, ids),
  });
  const addresses = createAddresses({ database, clock });
  const settings = { ...defaultsOf(accountsSection), defaultDomain: 'example.com' };
  const accounts = createAccounts({ database, mailboxes, addresses, passwords, settings, clock });
  await prepareAddresses(database);
  const rooms = { accounts, addresses, mailboxes, messages: content };
  const user = async (username: string): Promise<User> => {
    const found = await accounts.findByUsername(username);
    if (found === undefined) throw new Error(`no user ${username}`);
    return found;
  };
  return {
    database,
    rooms,
    clock,
    mailboxes,
    content,
    attachments,
    notes: createRestoreNotes(database),
    opensContentOf: () => false,
    users: createUserTransfer(database),
    addresses: createAddressTransfer(database),
    journal: { ...createJournalExport(database), ...createJournalImport(database) },
    messages: createMessageTransfer(database),
    renew: (account, ids) => content.renew(account, ids),
    advance: (ms) => {
      moved += ms;
    },
    user,
    addUser: (username, quotaOctets = 0) =>
      accounts.create({ username, password: 'secret', ...(quotaOctets === 0 ? {} : { quotaOctets }) }),
    append: async (username, path, octets, flags = { system: 0, keywords: [] }) => {
      const { account } = await user(username);
      return append({ mailboxes, content, clock }, account, path, octets, flags);
    },
    look: async (username) => look({ mailboxes, content }, (await user(username)).account),
    damages: async () => {
      const found: string[] = [];
      await checkStore(rooms as Store, ({ user: name, mailbox, detail }) =>
        found.push(`${name} ${mailbox}: ${detail}`),
      );
      return found;
    },
    close: async () => {
      await content.close();
      await mailboxes.close();
      await database.close();
      await rm(spoolDir, { recursive: true });
    },
  };
}

async function append(
  { mailboxes, content, clock }: { mailboxes: Journal; content: MessagesRoom; clock: Clock },
  account: User['account'],
  path: string,
  octets: Buffer,
  flags: FlagSet,
): Promise<number> {
  const ingested = await content.ingest(inPieces(octets), { maxOctets: 1 << 30 });
  try {
    const now = clock.now();
    const stored = await content.store(account, ingested, {
      origin: { kind: 'append' },
      prefix: Buffer.alloc(0),
      q: mailboxes.knownQ(account),
      now,
    });
    const { uids } = await mailboxes.append(account, { path }, [
      {
        messageId: stored.messageId,
        size: stored.size,
        crlfSize: stored.crlfSize,
        flags,
        internalDate: { at: now - 1_000_000, zoneMinutes: 120 },
        sentDate: stored.sentAt,
        thread: stored.thread,
      },
    ]);
    return uids[0] ?? 0;
  } finally {
    await ingested.dispose();
  }
}

async function* inPieces(octets: Buffer): AsyncGenerator<Buffer> {
  for (let start = 0; start < octets.length; start += 65_536) yield octets.subarray(start, start + 65_536);
}

async function look(
  { mailboxes, content }: { mailboxes: Journal; content: MessagesRoom },
  account: User['account'],
): Promise<SeenMailbox[]> {
  const seen: SeenMailbox[] = [];
  for (const info of await mailboxes.list(account)) {
    const messages: SeenMessage[] = [];
    if (!info.isNoselect) {
      const opened = await mailboxes.open(account, info.id, { isReadOnly: true });
      for (const { uid, flags, internalDate, savedAt, messageId } of opened.rows(EVERYTHING)) {
        const message = await content.open(account, messageId);
        const hash = createHash('sha256');
        for await (const octets of message.range(0, message.size) as AsyncIterable<Buffer>) hash.update(octets);
        messages.push({ uid, flags, internalDate: internalDate.at, savedAt, sha256: hash.digest('hex') });
      }
      opened.close();
    }
    const { path, uidValidity, uidNext, unseen, isSubscribed } = info;
    seen.push({ path, uidValidity, uidNext, unseen, isSubscribed, messages });
  }
  return seen;
}

/** What must be the same after a restore: all but UIDVALIDITY, which must not be. */
export function withoutUidValidity(mailboxes: readonly SeenMailbox[]): readonly Omit<SeenMailbox, 'uidValidity'>[] {
  return mailboxes.map(({ path, uidNext, unseen, isSubscribed, messages }) => ({
    path,
    uidNext,
    unseen,
    isSubscribed,
    messages,
  }));
}
