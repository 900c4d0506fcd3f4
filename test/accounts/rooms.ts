import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { accountsSection, createAccounts, type Accounts } from '../../lib/accounts/index.ts';
import { createAddresses, prepareAddresses, type Addresses } from '../../lib/addresses/index.ts';
import { createAttachments } from '../../lib/attachments/index.ts';
import { createPasswordHasher } from '../../lib/auth/index.ts';
import type { Database, DatabaseOptions } from '../../lib/db/index.ts';
import { imapRenderer } from '../../lib/frontends/imap/index.ts';
import { createLocalHints, createMailboxes, journalSection, type Journal } from '../../lib/journal/index.ts';
import type { Clock } from '../../lib/kernel/clock.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { defaultsOf } from '../../lib/kernel/section.ts';
import { createMessages, type Messages } from '../../lib/messages/index.ts';
import { openTestDatabase } from '../support/database.ts';

/** The rooms behind the API on a database of their own, with a clock that tests move. */
export interface Rooms {
  readonly database: Database;
  readonly mailboxes: Journal;
  readonly messages: Messages;
  readonly addresses: Addresses;
  readonly accounts: Accounts;
  readonly clock: Clock;
  readonly advance: (ms: number) => void;
  /** Accounts as another node would have them, with some of its rooms replaced. */
  readonly anotherNode: (replaced?: {
    readonly mailboxes?: Partial<Journal>;
    readonly addresses?: Partial<Addresses>;
  }) => Accounts;
  readonly close: () => Promise<void>;
}

/** Hashing so cheap that tests do not wait for it; its strength has tests of its own. */
const cheapPasswords = createPasswordHasher({ memoryKib: 64, passes: 1, parallelism: 1 });

export async function openRooms(options: Partial<DatabaseOptions> = {}): Promise<Rooms> {
  const database = await openTestDatabase(options);
  const spoolDir = await mkdtemp(join(tmpdir(), 'eider-test-'));
  let moved = 0;
  const clock: Clock = { now: () => Date.now() + moved, monotonic: () => performance.now() + moved };
  const logger = silentLogger;
  const messages = createMessages({
    database,
    attachments: createAttachments({ database, clock }),
    clock,
    logger,
    renderer: imapRenderer,
    spoolDir,
  });
  const mailboxes = createMailboxes({
    database,
    clock,
    logger,
    hints: createLocalHints(),
    settings: defaultsOf(journalSection),
    renew: (account, ids) => messages.renew(account, ids),
  });
  const addresses = createAddresses({ database, clock });
  const settings = { ...defaultsOf(accountsSection), defaultDomain: 'example.com' };
  const common = { database, passwords: cheapPasswords, settings, clock };
  await prepareAddresses(database);
  return {
    database,
    mailboxes,
    messages,
    addresses,
    accounts: createAccounts({ ...common, mailboxes, addresses }),
    clock,
    advance: (ms) => {
      moved += ms;
    },
    anotherNode: (replaced = {}) =>
      createAccounts({
        ...common,
        mailboxes: { ...mailboxes, ...replaced.mailboxes },
        addresses: { ...createAddresses({ database, clock }), ...replaced.addresses },
      }),
    close: async () => {
      await mailboxes.close();
      await database.close();
      await rm(spoolDir, { recursive: true, force: true });
    },
  };
}
