import type { Clock } from '../kernel/clock.ts';
import type { Database } from '../db/index.ts';
import { MailError } from '../kernel/errors.ts';
import type { AccountId, MailboxId, MessageId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/logger.ts';
import { AccountLogs, type LoadedAccount } from './account-logs.ts';
import { closeAccountCommand, createAccountCommand, setQuotaCommand } from './decide-account.ts';
import { createCommand, removeCommand, renameCommand, subscribeCommand } from './decide-mailboxes.ts';
import { appendCommand } from './decide-messages.ts';
import { requireAccount, requireMailbox, requireTarget, type Command } from './decision.ts';
import { deliverOnce } from './deliver.ts';
import type { Folded } from './folded-mailboxes.ts';
import type { Hints } from './hints.ts';
import type { Mailboxes } from './journal.ts';
import type { JournalStore } from './journal-store.ts';
import { openJournalCollection } from './journal-collection.ts';
import { openCheckpointsCollection } from './checkpoints-collection.ts';
import { openSegmentsCollection } from './segments-collection.ts';
import { createKeeping, type JournalKeeping, type ReadAccount } from './keeping.ts';
import { loadColumns } from './load-columns.ts';
import { infoOf, listOf } from './mailbox-info.ts';
import { lookupPath } from './mailbox-path.ts';
import { MailboxHandle } from './open-mailbox.ts';
import { AccountProbe } from './probe.ts';
import type { JournalSettings } from './settings.ts';
import { createUndelete } from './undelete.ts';

export interface MailboxesOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly hints: Hints;
  readonly settings: JournalSettings;
  /**
   * Renews message data that an append is about to refer to while a sweep names it (Messages.renew). Without it
   * such an append fails with `unavailable`.
   */
  readonly renew?: (account: AccountId, messageIds: readonly MessageId[]) => Promise<readonly boolean[]>;
  /** Told after each fold of this process, for what is kept beside the rows and may be missing. */
  readonly onFolded?: (account: AccountId, folded: Folded) => void;
  /** In place of the database's collections; for tests of what an unreliable one does. */
  readonly store?: JournalStore;
}

/** The journal's door as the composition root sees it: mailboxes, and what maintenance needs. */
export interface Journal extends Mailboxes, JournalKeeping {
  /** Waits for folds under way, ends timers and subscriptions. Sessions must be closed before. */
  close(): Promise<void>;
}

/** Opens the collections of the database as a journal store. */
export function openJournalStore(database: Database): JournalStore {
  const collections = [
    openJournalCollection(database),
    openCheckpointsCollection(database),
    openSegmentsCollection(database),
  ] as const;
  const [journal, checkpoints, segments] = collections;
  return {
    ...journal,
    ...checkpoints,
    ...segments,
    nextAccount: async (after, upTo) => {
      const found = await Promise.all(collections.map(({ nextAccount }) => nextAccount(after, upTo)));
      return found.filter((account) => account !== undefined).sort()[0];
    },
  };
}

export function createMailboxes(options: MailboxesOptions): Journal {
  const { clock, logger, hints, settings, renew, onFolded } = options;
  const store = options.store ?? openJournalStore(options.database);
  const logs = new AccountLogs({ store, clock, logger, hints, settings, renew, onFolded });
  const probe = new AccountProbe({ logs, hints, logger, intervalMs: settings.probeInterval });

  const submit = <R>(account: AccountId, command: Command<R>): Promise<R> =>
    logs.commit(account, ({ queue }, deadline) => queue.submit(command, { deadline }));
  const read: ReadAccount = (account, run) =>
    logs.use(account, async (loaded, isFresh) => {
      if (!isFresh) await loaded.log.refresh();
      requireAccount(loaded.log.state);
      return run(loaded);
    });

  return {
    maxKeywords: settings.maxKeywords,
    createAccount: (account, init) => submit(account, createAccountCommand(init)),
    closeAccount: (account) => submit(account, closeAccountCommand()),
    setQuota: (account, quotaOctets) => submit(account, setQuotaCommand(quotaOctets)),
    usage: (account) =>
      read(account, ({ log: { state } }) => ({
        octets: state.octets,
        messages: state.messages,
        quotaOctets: state.quotaOctets,
      })),

    list: (account) => read(account, ({ log }) => listOf(log.state)),
    subscriptions: (account) => read(account, ({ log }) => [...log.state.subscriptions].sort()),
    find: (account, path) =>
      read(account, ({ log: { state } }) => {
        const spelled = lookupPath(path);
        const header = spelled === undefined ? undefined : state.byPath(spelled);
        return header === undefined ? undefined : infoOf(header, state);
      }),
    get: (account, mailbox) =>
      read(account, ({ log: { state } }) => {
        const header = state.mailboxes.get(mailbox);
        return header === undefined ? undefined : infoOf(header, state);
      }),
    create: (account, path, how = {}) =>
      logs.commit(account, async ({ queue, log }, deadline) => {
        const id = await queue.submit(createCommand(path, how), { deadline });
        const header = log.state.mailboxes.get(id);
        if (header === undefined) throw new MailError('mailbox-not-found', 'The mailbox was deleted again at once');
        return infoOf(header, log.state);
      }),
    rename: (account, from, to) => submit(account, renameCommand(from, to)),
    remove: (account, path) => submit(account, removeCommand(path)),
    setSubscribed: (account, path, isSubscribed) => submit(account, subscribeCommand(path, isSubscribed)),

    open: (account, mailbox, how = {}) =>
      read(account, async (loaded) => {
        const { id } = requireTarget(loaded.log.state, mailbox);
        await loadColumns(loaded.log, [id]);
        return openHandle(loaded, id, how.isReadOnly === true, logger, probe);
      }),
    append: (account, mailbox, messages, how) =>
      logs.commit(
        account,
        ({ queue }, deadline) =>
          queue.submit(appendCommand(mailbox, messages), {
            deadline,
            messageIds: messages.map(({ messageId }) => messageId),
          }),
        how,
      ),
    deliver: (account, delivery, how) =>
      logs.commit(account, (loaded, deadline) => deliverOnce(loaded, delivery, deadline, clock), how),
    watch: (account, listener, onEnd) => probe.watch(account, listener, onEnd),
    knownQ: (account) => logs.peek(account)?.log.state.q ?? 0,

    ...createUndelete(read, settings, clock, renew),
    ...createKeeping(read, store, options),
    close: async () => {
      probe.close();
      await logs.close();
    },
  };
}

/** The columns must be loaded. A read-write session takes `\Recent` away from later ones, on this node at once. */
function openHandle(
  loaded: LoadedAccount,
  mailbox: MailboxId,
  isReadOnly: boolean,
  logger: Logger,
  probe: AccountProbe,
): MailboxHandle {
  const { log, queue, recent } = loaded;
  const header = requireMailbox(log.state, mailbox);
  const columns = log.state.columns(mailbox);
  if (columns === undefined)
    throw new MailError('unavailable', 'The mailbox is not available at the moment, please try again');
  const recentFrom = Math.max(header.recentFrom, recent.get(mailbox) ?? 1);
  if (!isReadOnly) recent.set(mailbox, header.uidNext);
  const letGo = probe.hold(loaded);
  return new MailboxHandle({ log, queue, logger, onClosed: letGo }, header, columns, recentFrom);
}
