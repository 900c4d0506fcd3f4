import { SystemFlag, type ColumnView } from '../../../lib/journal/index.ts';
import type { PageRange } from '../../http/paging.ts';

export interface MessageOrder {
  readonly order: 'asc' | 'desc';
  readonly isUnseenOnly: boolean;
}

/** Internal date in ms, then UID, for many messages may have come in one second. */
type SortKey = readonly [number, number];

interface Candidate {
  readonly position: number;
  readonly key: SortKey;
}

function compare(one: SortKey, other: SortKey): number {
  return one[0] - other[0] || one[1] - other[1];
}

export function sortKeyAt(columns: ColumnView, position: number): SortKey {
  return [columns.internalDate(position).at, columns.uid(position)];
}

/**
 * Positions of one page by internal date. One pass over the columns that keeps no more than the page: a mailbox of
 * 100,000 is not sorted for twenty lines of it.
 */
export function pageOfMessages(
  columns: ColumnView,
  { order, isUnseenOnly }: MessageOrder,
  { after, before, limit }: PageRange,
): readonly number[] {
  const anchor = after ?? before;
  const bound: SortKey | undefined = anchor === undefined ? undefined : [Number(anchor[0]), Number(anchor[1])];
  // Going back walks the other way round and takes what is nearest to the anchor.
  const direction = (order === 'asc') === (before === undefined) ? 1 : -1;
  const best = new BestCandidates(limit, direction);
  for (let step = 0; step < columns.count; step += 1) {
    const position = direction === 1 ? step : columns.count - 1 - step;
    if (isUnseenOnly && (columns.systemFlags(position) & SystemFlag.seen) !== 0) continue;
    const key = sortKeyAt(columns, position);
    if (bound !== undefined && direction * compare(key, bound) <= 0) continue;
    best.add({ position, key });
  }
  return best.sorted().map(({ position }) => position);
}

/** The first few of many in their order; what comes behind the last of these is forgotten at once. */
class BestCandidates {
  readonly #limit: number;
  readonly #direction: 1 | -1;
  #kept: Candidate[] = [];
  #last: Candidate | undefined;

  constructor(limit: number, direction: 1 | -1) {
    this.#limit = limit;
    this.#direction = direction;
  }

  add(candidate: Candidate): void {
    if (this.#last !== undefined && this.#order(candidate, this.#last) >= 0) return;
    this.#kept.push(candidate);
    // Sorted in batches: one by one, a mailbox in the wrong order would cost the limit for each message.
    if (this.#kept.length >= 4 * this.#limit) this.#trim();
  }

  sorted(): readonly Candidate[] {
    this.#trim();
    return this.#kept;
  }

  #trim(): void {
    this.#kept = this.#kept.sort((one, other) => this.#order(one, other)).slice(0, this.#limit);
    this.#last = this.#kept[this.#limit - 1];
  }

  #order(one: Candidate, other: Candidate): number {
    return this.#direction * compare(one.key, other.key);
  }
}

export function countMessages(columns: ColumnView, isUnseenOnly: boolean): number {
  if (!isUnseenOnly) return columns.count;
  let count = 0;
  for (let position = 0; position < columns.count; position += 1) {
    if ((columns.systemFlags(position) & SystemFlag.seen) === 0) count += 1;
  }
  return count;
}
