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
  const kept: Candidate[] = [];
  for (let step = 0; step < columns.count; step += 1) {
    const position = direction === 1 ? step : columns.count - 1 - step;
    if (isUnseenOnly && (columns.systemFlags(position) & SystemFlag.seen) !== 0) continue;
    const key = sortKeyAt(columns, position);
    if (bound !== undefined && direction * compare(key, bound) <= 0) continue;
    const last = kept[limit - 1];
    if (last !== undefined && direction * compare(key, last.key) >= 0) continue;
    insert(kept, { position, key }, direction);
    if (kept.length > limit) kept.pop();
  }
  return kept.map(({ position }) => position);
}

/** Messages mostly arrive in order of their dates, so the place is sought from the end. */
function insert(kept: Candidate[], candidate: Candidate, direction: number): void {
  let place = kept.length;
  for (; place > 0; place -= 1) {
    const before = kept[place - 1];
    if (before === undefined || direction * compare(before.key, candidate.key) <= 0) break;
  }
  kept.splice(place, 0, candidate);
}

export function countMessages(columns: ColumnView, isUnseenOnly: boolean): number {
  if (!isUnseenOnly) return columns.count;
  let count = 0;
  for (let position = 0; position < columns.count; position += 1) {
    if ((columns.systemFlags(position) & SystemFlag.seen) === 0) count += 1;
  }
  return count;
}
