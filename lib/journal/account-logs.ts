import type { AccountId, MailboxId, MessageId } from '../kernel/ids.ts';
import { MailError } from '../kernel/errors.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import { AccountLog } from './account-log.ts';
import type { AccountState } from './account-state.ts';
import type { Change } from './changes.ts';
import { CommitQueue } from './commit-queue.ts';
import { Folder } from './fold.ts';
import { rebuildHead } from './rebuild-head.ts';
import type { Folded } from './folded-mailboxes.ts';
import type { Hints } from './hints.ts';
import { inTime } from './in-time.ts';
import type { CommitOptions } from './journal.ts';
import type { JournalStore } from './journal-store.ts';
import type { JournalSettings } from './settings.ts';

/** Past this a state that nobody looked at is read afresh: its account may have been closed and removed meanwhile. */
const STALE_MS = 60 * 60 * 1000;

/** Memory is added up when an account comes in, and after this many uses of known ones. */
const USES_BETWEEN_EVICTIONS = 256;

/** An account in memory, with what works on it. */
export interface LoadedAccount {
  readonly log: AccountLog;
  readonly queue: CommitQueue;
  readonly folder: Folder;
  /** UIDs that read-write sessions were shown as recent; carried by the next record (DESIGN section 2). */
  readonly recent: Map<MailboxId, number>;
  usedAt: number;
  /** Commands and reads under way, besides sessions and watchers. */
  users: number;
}

export interface AccountLogsOptions {
  readonly store: JournalStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly hints: Hints;
  readonly settings: JournalSettings;
  readonly renew: ((account: AccountId, messageIds: readonly MessageId[]) => Promise<readonly boolean[]>) | undefined;
  readonly onFolded: ((account: AccountId, folded: Folded) => void) | undefined;
}

/** The accounts that this process has in memory; idle ones go when they take too much, the longest unused first. */
export class AccountLogs {
  readonly #options: AccountLogsOptions;
  /** In order of last use. */
  readonly #loaded = new Map<AccountId, LoadedAccount>();
  readonly #opening = new Map<AccountId, Promise<LoadedAccount>>();
  #isClosed = false;
  #usesSinceEviction = 0;

  constructor(options: AccountLogsOptions) {
    this.#options = options;
  }

  /** Without reading. */
  peek(account: AccountId): LoadedAccount | undefined {
    return this.#loaded.get(account);
  }

  all(): Iterable<LoadedAccount> {
    return this.#loaded.values();
  }

  /**
   * Runs with the account in memory; `isFresh` where it was read for this very call.
   * @param deadline of the opening, monotonic milliseconds; where it is not given the database's own limits hold
   * @throws MailError `unavailable` where it cannot be opened, or not in time
   */
  async use<R>(
    account: AccountId,
    run: (loaded: LoadedAccount, isFresh: boolean) => Promise<R>,
    deadline?: number,
  ): Promise<R> {
    if (this.#isClosed) throw new MailError('shutting-down', 'The server is shutting down, please try again');
    const known = this.#known(account);
    // Who joins an opening under way may have asked after its tail was read.
    const isFresh = known === undefined && !this.#opening.has(account);
    const loaded = known ?? (await this.#openBy(account, deadline));
    loaded.users += 1;
    try {
      return await run(loaded, isFresh);
    } finally {
      loaded.users -= 1;
      loaded.usedAt = this.#options.clock.monotonic();
      this.#remember(account, loaded);
    }
  }

  /** For a command, with the moment at which it must have its answer, however long the opening takes. */
  commit<R>(
    account: AccountId,
    run: (loaded: LoadedAccount, deadline: number) => Promise<R>,
    { deadline = Infinity }: CommitOptions = {},
  ): Promise<R> {
    const { clock, settings } = this.#options;
    const latest = Math.min(deadline, clock.monotonic() + settings.commitTimeout);
    return this.use(account, (loaded) => run(loaded, latest), latest);
  }

  #known(account: AccountId): LoadedAccount | undefined {
    const known = this.#loaded.get(account);
    if (known === undefined) return undefined;
    if (known.log.isLost) {
      this.#loaded.delete(account);
      return undefined;
    }
    if (isIdle(known) && this.#options.clock.monotonic() - known.usedAt > STALE_MS) {
      this.#loaded.delete(account);
      return undefined;
    }
    return known;
  }

  #openBy(account: AccountId, deadline: number | undefined): Promise<LoadedAccount> {
    const opening = this.#open(account);
    return deadline === undefined ? opening : inTime(opening, deadline, this.#options.clock);
  }

  #open(account: AccountId): Promise<LoadedAccount> {
    const underWay = this.#opening.get(account);
    if (underWay !== undefined) return underWay;
    const opening = this.#load(account).finally(() => this.#opening.delete(account));
    this.#opening.set(account, opening);
    return opening;
  }

  async #load(account: AccountId): Promise<LoadedAccount> {
    const { store, clock, logger, hints, settings, renew, onFolded } = this.#options;
    const onDamage = (what: string): void =>
      logger.error({ account, what }, 'the journal of an account is damaged, which is served no more');
    const log = await AccountLog.open(account, store, { clock, onDamage });
    log.rebuildHead = () => {
      logger.warn({ account }, 'the head checkpoint of an account or its segments are missing and are made again');
      return rebuildHead(account, store, { clock, logger, settings });
    };
    const recent = new Map<MailboxId, number>();
    const folder = new Folder(log, { clock, logger, settings, onFolded: (folded) => onFolded?.(account, folded) });
    let toldQ = log.state.q;
    const queue = new CommitQueue(log, {
      clock,
      timeoutMs: settings.commitTimeout,
      maxKeywords: settings.maxKeywords,
      renew: renew === undefined ? undefined : (messageIds) => renew(account, messageIds),
      extraChanges: (state) => recentChanges(state, recent),
      onCommitted: () => {
        const { q } = log.state;
        if (q === toldQ) return;
        toldQ = q;
        hints.publish(account, q);
        if (!this.#isClosed) folder.foldIfDue();
      },
    });
    const loaded: LoadedAccount = { log, queue, folder, recent, usedAt: clock.monotonic(), users: 0 };
    this.#remember(account, loaded);
    return loaded;
  }

  /** As the last used, and written down where that is overdue. An account that was never created is not worth it. */
  #remember(account: AccountId, loaded: LoadedAccount): void {
    if (!this.#isClosed) loaded.folder.foldIfFarBehind();
    const known = this.#loaded.get(account);
    if (this.#isClosed || loaded.log.state.q === 0 || (known !== undefined && known !== loaded)) return;
    this.#loaded.delete(account);
    this.#loaded.set(account, loaded);
    this.#usesSinceEviction += 1;
    if (known !== undefined && this.#usesSinceEviction < USES_BETWEEN_EVICTIONS) return;
    this.#usesSinceEviction = 0;
    this.evict();
  }

  /** Lets idle accounts go, longest unused first, and columns that no session looks at. */
  evict(): void {
    let held = 0;
    for (const { log } of this.#loaded.values()) held += log.state.memoryOctets + log.tailOctets;
    for (const [account, loaded] of this.#loaded) {
      if (held <= this.#options.settings.cacheSize) return;
      held -= loaded.log.state.memoryOctets + loaded.log.tailOctets;
      if (isIdle(loaded)) this.#loaded.delete(account);
      else {
        if (loaded.users === 0 && loaded.queue.isIdle && !loaded.folder.isBusy) unloadUnseenColumns(loaded.log);
        held += loaded.log.state.memoryOctets + loaded.log.tailOctets;
      }
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#loaded.values()].map(({ folder }) => folder.settled()));
    this.#loaded.clear();
  }
}

function isIdle({ log, queue, folder, users }: LoadedAccount): boolean {
  return users === 0 && !log.isHeld && queue.isIdle && !folder.isBusy;
}

function unloadUnseenColumns(log: AccountLog): void {
  for (const [id] of [...log.state.loadedColumns()]) if (!log.sessions.has(id)) log.state.unloadColumns(id);
}

/** The marks of recent messages that the state does not have yet. */
function recentChanges(state: AccountState, recent: ReadonlyMap<MailboxId, number>): Change[] {
  const changes: Change[] = [];
  for (const [mailbox, from] of recent) {
    if (from > (state.mailboxes.get(mailbox)?.recentFrom ?? Infinity)) changes.push({ kind: 'recent', mailbox, from });
  }
  return changes;
}
