import { crashPoint } from '../kernel/crash-point.ts';
import type { AccountId } from '../kernel/ids.ts';
import { AccountLog } from './account-log.ts';
import type { Checkpoint } from './checkpoint.ts';
import { Folder, type FolderOptions } from './fold.ts';
import type { JournalStore, TailPage } from './journal-store.ts';

/** Records that one step takes in: what it holds in memory of them is bounded. */
const STEP_RECORDS = 4096;
/** Records so much older than the retention, as a part of it, are worth a step of their own however few. */
const PATIENCE = 1 / 8;

export interface MoveBaseOptions extends FolderOptions {
  /** Records of before, in milliseconds since 1970, are past the retention. */
  readonly pastBefore: number;
  readonly retentionMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Has the base follow the journal at the distance of the retention, by the same fold that writes the head: segments
 * first, then the checkpoint by compare-and-set. The base is made of records alone and shares nothing with the head,
 * so that each can be made again without the other. The head is never behind it.
 * @returns the base as it stood before
 * @throws MailError `unavailable`, also where the journal has a gap
 */
export async function moveBase(
  store: JournalStore,
  account: AccountId,
  options: MoveBaseOptions,
): Promise<Checkpoint | undefined> {
  const before = await store.readCheckpoint(account, 'base');
  for (let base = before; ; base = await store.readCheckpoint(account, 'base')) {
    options.signal?.throwIfAborted();
    if (!(await isDue(store, account, base?.q ?? 0, options))) return before;
    const headQ = (await store.readCheckpoint(account))?.q ?? 0;
    if (headQ <= (base?.q ?? 0)) return before;
    const upTo = Math.min(headQ, (base?.q ?? 0) + STEP_RECORDS);
    const log = await AccountLog.open(account, baseOnly(store, options.pastBefore, upTo), options);
    await new Folder(log, { ...options, onFolded: undefined }).fold();
    crashPoint('upkeep.base-stepped');
    if ((log.checkpoint?.q ?? 0) <= (base?.q ?? 0)) return before;
  }
}

async function isDue(
  store: JournalStore,
  account: AccountId,
  baseQ: number,
  options: MoveBaseOptions,
): Promise<boolean> {
  const { pastBefore, retentionMs, settings } = options;
  const [first] = (await store.readAfter(account, baseQ, 1)).records;
  if (first === undefined || first.at >= pastBefore) return false;
  if (first.at < pastBefore - retentionMs * PATIENCE) return true;
  const [full] = (await store.readAfter(account, baseQ + settings.foldRecords - 1, 1)).records;
  return full !== undefined && full.at < pastBefore;
}

/** The store as it looks to a fold that knows the base for its head, and only the records that go into it. */
function baseOnly(store: JournalStore, pastBefore: number, upTo: number): JournalStore {
  return {
    ...store,
    readCheckpoint: async (account, kind = 'head') =>
      kind === 'head' ? store.readCheckpoint(account, 'base') : undefined,
    replaceCheckpoint: (account, checkpoint, expected) =>
      store.replaceCheckpoint(account, checkpoint, expected, 'base'),
    readAfter: async (account, q, limit) => cut(await store.readAfter(account, q, limit), pastBefore, upTo),
  };
}

function cut(page: TailPage, pastBefore: number, upTo: number): TailPage {
  const end = page.records.findIndex(({ q, at }) => q > upTo || at >= pastBefore);
  if (end >= 0) return { records: page.records.slice(0, end), beyond: undefined };
  return page.beyond !== undefined && page.beyond > upTo ? { ...page, beyond: undefined } : page;
}
