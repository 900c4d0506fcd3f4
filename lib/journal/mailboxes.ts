import type { Clock } from '../kernel/clock.ts';
import type { Database } from '../db/index.ts';
import { MailError } from '../kernel/errors.ts';
import type { AccountId, MailboxId, MessageId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/logger.ts';
import { AccountLogs, type LoadedAccount } from './account-logs.ts';
import { closeAccountCommand, createAccountCommand, setQuotaCommand } from './decide-account.ts';
import { checkAccount } from './check-account.ts';
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
import { loadColumns } from './load-columns.ts';
import { infoOf, listOf } from './mailbox-info.ts';
import { lookupPath } from './mailbox-path.ts';
import { maintainAccount, type MaintenanceReport } from './maintain-account.ts';
import { MailboxHandle } from './open-mailbox.ts';
import { AccountProbe } from './probe.ts';
import { rebuildHead } from './rebuild-head.ts';
import type { JournalSettings } from './settings.ts';
import { sweep, isLive } from './sweep.ts';

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
export interface Journal extends Mailboxes {
  /**
   * Whether a live row names the message data, or something expunged or deleted at `goneSince` or later
   * (milliseconds since 1970; 0: as long as tombstones are kept). Reads all columns.
   */
  isLive(account: AccountId, messageIds: readonly MessageId[], goneSince?: number): Promise<readonly boolean[]>;
  /**
   * Commits that message data is about to be deleted. Only what is returned may then be deleted, on condition of
   * the `rev` that was read before; an append that meets the record renews the data first.
   */
  sweep(account: AccountId, messageIds: readonly MessageId[], goneSince?: number): Promise<readonly MessageId[]>;
  /** What the account's journal lacks, each as a sentence; [] where it is whole. */
  check(account: AccountId): Promise<readonly string[]>;
  /** Writes the account down now: segments and checkpoint. */
  fold(account: AccountId): Promise<void>;
  /**
   * The accounts of which anything is kept, closed ones too, in order of their ids: after the one and up to the other
   * where they are given, so that several can share the work.
   */
  accounts(range?: AccountRange): AsyncIterable<AccountId>;
  /**
   * What an account's journal needs from time to time, daily at best: records past the retention go, after the base
   * has taken them in, and so do stray segments and accounts closed longer ago. Harmless to be broken off, and beside
   * readers, commits, folds and itself on other nodes.
   * @throws MailError `unavailable`, also for a damaged journal, which is logged; the signal's reason
   */
  maintain(account: AccountId, options?: { readonly signal?: AbortSignal }): Promise<MaintenanceReport>;
  /**
   * Writes the head checkpoint and its segments anew out of base and journal, whatever there is of them. Sessions go
   * on. A head that is found missing is made again without being asked.
   * @throws MailError `unavailable` where base or journal lack something
   */
  rebuild(account: AccountId): Promise<void>;
  /** Waits for folds under way, ends timers and subscriptions. Sessions must be closed before. */
  close(): Promise<void>;
}

export interface AccountRange {
  readonly after?: AccountId;
  readonly upTo?: AccountId;
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

  const foldOptions = (account: AccountId) => ({
    clock,
    logger,
    settings,
    onFolded: (folded: Folded) => onFolded?.(account, folded),
  });
  const submit = <R>(account: AccountId, command: Command<R>): Promise<R> =>
    logs.use(account, ({ queue }) => queue.submit(command));
  /** With the account as it is now: reads the tail unless the account was opened for this very call. */
  const read = <R>(account: AccountId, run: (loaded: LoadedAccount) => R | Promise<R>): Promise<R> =>
    logs.use(account, async (loaded, isFresh) => {
      if (!isFresh) await loaded.log.refresh();
      requireAccount(loaded.log.state);
      return run(loaded);
    });

  return {
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
      logs.use(account, async ({ queue, log }) => {
        const id = await queue.submit(createCommand(path, how));
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
    append: (account, mailbox, messages, how = {}) =>
      logs.use(account, ({ queue }) =>
        queue.submit(appendCommand(mailbox, messages), {
          deadline: how.deadline,
          messageIds: messages.map(({ messageId }) => messageId),
        }),
      ),
    deliver: (account, delivery, how = {}) => logs.use(account, (loaded) => deliverOnce(loaded, delivery, how)),
    watch: (account, listener) => probe.watch(account, listener),
    knownQ: (account) => logs.peek(account)?.log.state.q ?? 0,

    isLive: (account, messageIds, goneSince = 0) => read(account, ({ log }) => isLive(log, messageIds, goneSince)),
    sweep: (account, messageIds, goneSince = 0) => read(account, (loaded) => sweep(loaded, messageIds, goneSince)),
    check: (account) => checkAccount(store, account, clock),
    accounts: async function* ({ after, upTo } = {}) {
      for (let next = await store.nextAccount(after, upTo); next !== undefined;) {
        yield next;
        next = await store.nextAccount(next, upTo);
      }
    },
    maintain: (account, how = {}) =>
      maintainAccount(store, account, {
        ...foldOptions(account),
        onDamage: (what) => logger.error({ account, what }, 'the journal of an account is damaged'),
        signal: how.signal,
      }),
    rebuild: (account) => rebuildHead(account, store, foldOptions(account)),
    fold: (account) => read(account, ({ folder }) => folder.fold()),
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
