import type { Clock } from '../kernel/clock.ts';
import type { AccountId, MessageId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/logger.ts';
import type { LoadedAccount } from './account-logs.ts';
import { checkAccount } from './check-account.ts';
import type { Folded } from './folded-mailboxes.ts';
import type { JournalStore } from './journal-store.ts';
import { maintainAccount, type MaintenanceReport } from './maintain-account.ts';
import { rebuildAccount, type RebuildAccountInit, type RecoveredMessage } from './rebuild-account.ts';
import { rebuildHead } from './rebuild-head.ts';
import { recountAccount } from './recount-account.ts';
import { remakeBase, type RemadeBase } from './remake-base.ts';
import type { JournalSettings } from './settings.ts';
import { isLive, sweep } from './sweep.ts';

/** Runs with an account as it is now: reads the tail unless the account was opened for this very call. */
export type ReadAccount = <R>(account: AccountId, run: (loaded: LoadedAccount) => R | Promise<R>) => Promise<R>;

export interface AccountRange {
  readonly after?: AccountId;
  readonly upTo?: AccountId;
}

/** What keeps the accounts of a store in order, while others use them. */
export interface JournalKeeping {
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
  /**
   * What the account's journal lacks, each as a sentence, and whatever base and journal say otherwise than the head;
   * [] where it is whole. Reads all of it. @throws MailError `unavailable` where the database is in trouble
   */
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
  /**
   * Counts the messages of all mailboxes and commits what they add up to, where counters say otherwise. Sessions go on.
   * What is counted is what the head and the journal hold: where base and journal say otherwise, `rebuild` comes first.
   * @returns what was wrong, each as a sentence
   * @throws MailError `unavailable`, `outcome-unknown`
   */
  recount(account: AccountId): Promise<readonly string[]>;
  /**
   * Makes the base anew of the head, where base and journal lack something on the way there. Sessions go on. Lost with
   * the old one is how the account was before the head, which only backups made by then still tell.
   * @throws MailError `not-permitted` where they lead to the head; `unavailable` where the head, or the journal above
   *   it, lacks something too
   */
  remakeBase(account: AccountId): Promise<RemadeBase>;
  /**
   * Makes an account whose journal is lost anew of its message data alone: all of it in one mailbox, without flags,
   * under new UIDVALIDITYs. Other processes are to be restarted afterwards: what they remember of it is void.
   * @throws MailError `not-permitted` where the journal is whole; `unavailable`
   */
  rebuildFromMessages(
    account: AccountId,
    messages: AsyncIterable<RecoveredMessage>,
    init: RebuildAccountInit,
  ): Promise<{ readonly messages: number }>;
}

export interface KeepingOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: JournalSettings;
  readonly onFolded?: ((account: AccountId, folded: Folded) => void) | undefined;
}

export function createKeeping(read: ReadAccount, store: JournalStore, options: KeepingOptions): JournalKeeping {
  const { clock, logger, settings, onFolded } = options;
  const foldOptions = (account: AccountId) => ({
    clock,
    logger,
    settings,
    onFolded: (folded: Folded) => onFolded?.(account, folded),
  });
  return {
    isLive: (account, messageIds, goneSince = 0) => read(account, ({ log }) => isLive(log, messageIds, goneSince)),
    sweep: (account, messageIds, goneSince = 0) => read(account, (loaded) => sweep(loaded, messageIds, goneSince)),
    check: (account) => checkAccount(store, account, clock),
    fold: (account) => read(account, ({ folder }) => folder.fold()),
    accounts: async function* ({ after, upTo } = {}) {
      let next = await store.nextAccount(after, upTo);
      while (next !== undefined) {
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
    recount: (account) => recountAccount(account, store, options),
    remakeBase: (account) => remakeBase(account, store, foldOptions(account)),
    rebuildFromMessages: (account, messages, init) => rebuildAccount(store, account, messages, init, clock),
  };
}
