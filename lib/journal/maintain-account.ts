import { crashPoint } from '../kernel/crash-point.ts';
import type { AccountId } from '../kernel/ids.ts';
import { AccountLog } from './account-log.ts';
import { Folder, type FolderOptions } from './fold.ts';
import type { JournalStore } from './journal-store.ts';
import { moveBase } from './move-base.ts';
import { rebuildHead } from './rebuild-head.ts';
import { removeStrays } from './remove-strays.ts';
import type { JournalSettings } from './settings.ts';

/** Records that one write removes. */
const REMOVED_AT_ONCE = 1000;

export interface MaintenanceReport {
  /** Records that were removed: past the retention, and in the base since a run before this one. */
  readonly records: number;
  /** Segments that crashed folds had left. */
  readonly strays: number;
  /** True where a closed account was removed with all that it had in the journal's keeping. */
  readonly isRemoved: boolean;
}

export interface MaintainOptions extends FolderOptions {
  readonly settings: Pick<JournalSettings, 'foldRecords' | 'foldSize' | 'undeleteWindow' | 'retention'>;
  readonly onDamage: (what: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Keeps one account's journal within the retention: moves the base, removes the records that lay below it before,
 * removes stray segments, and all of an account that was closed longer ago. May be broken off anywhere, and may run
 * anywhere at the same time: what is left undone the next run does.
 * @throws MailError `unavailable`, also for a damaged journal, of which nothing is removed; the signal's reason
 */
export async function maintainAccount(
  store: JournalStore,
  account: AccountId,
  options: MaintainOptions,
): Promise<MaintenanceReport> {
  const { clock, settings, signal } = options;
  const pastBefore = clock.now() - settings.retention;
  let log = await AccountLog.open(account, store, options);
  if (log.state.q === 0) return { records: 0, strays: 0, isRemoved: false };
  if (log.isOnBase) {
    await rebuildHead(account, store, options);
    log = await AccountLog.open(account, store, options);
  }
  if (log.state.isClosed) return removeClosed(log, pastBefore, options);
  // What is past the retention goes into the base, and the head must not be behind it.
  const [unwritten] = log.keptAfter(log.checkpoint?.q ?? 0) ?? [];
  if (unwritten !== undefined && unwritten.at < pastBefore) await new Folder(log, options).fold();
  // What goes into the base in this run is removed in the next one. By whose clock it is old is not known, and of what
  // was committed just now somebody may not have heard yet.
  const before = await moveBase(store, account, { ...options, pastBefore, retentionMs: settings.retention });
  crashPoint('upkeep.base-moved');
  const records = before === undefined ? 0 : await removeRecords(log, before.q, pastBefore, signal);
  return { records, strays: await removeStrays(store, account), isRemoved: false };
}

/** From the lowest on, so that what is left of the journal has no gap but below the base. */
async function removeRecords(
  { account, store }: AccountLog,
  upTo: number,
  pastBefore: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  let sum = 0;
  for (;;) {
    signal?.throwIfAborted();
    const removed = await store.removeRecords(account, upTo, pastBefore, REMOVED_AT_ONCE);
    crashPoint('upkeep.records-removed');
    sum += removed;
    if (removed === 0) return sum;
  }
}

/**
 * The head, which says that the account is closed, goes last: until then nobody takes what is left for an account, and
 * a run that was broken off is gone on with.
 */
async function removeClosed(log: AccountLog, pastBefore: number, options: MaintainOptions): Promise<MaintenanceReport> {
  const { account, store } = log;
  const none = { records: 0, strays: 0, isRemoved: false };
  const [last] = (await store.readAfter(account, log.state.q - 1, 1)).records;
  if (last !== undefined && last.at >= pastBefore) return none;
  await new Folder(log, options).fold();
  const head = await store.readCheckpoint(account);
  if (head?.isClosed !== true || head.q < log.state.q) return none;
  const records = await removeRecords(log, head.q, Number.POSITIVE_INFINITY, options.signal);
  crashPoint('upkeep.closed-records-removed');
  const segments = await store.listSegments(account);
  await store.removeSegments(account, segments);
  crashPoint('upkeep.closed-segments-removed');
  await store.removeCheckpoint(account, 'base');
  crashPoint('upkeep.closed-base-removed');
  await store.removeCheckpoint(account, 'head');
  crashPoint('upkeep.closed-head-removed');
  return { records, strays: 0, isRemoved: true };
}
