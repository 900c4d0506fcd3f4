import type { Columns, Tally } from './columns.ts';
import { changedExtra, flagBits, type FlagMask } from './flag-mask.ts';
import { SystemFlag, type UidRanges } from './journal.ts';
import { RangeBuilder } from './uid-set.ts';

/** What a change of flags would do. */
export interface PlannedFlags {
  readonly changed: UidRanges;
  /** Left alone, for they changed after what the client knew. */
  readonly modified: UidRanges;
  /** Differences of the mailbox's counters. */
  readonly unseen: number;
  readonly deleted: number;
}

/** What the change would do to the messages of the ranges; those that have the flags already are left alone. */
export function planFlags(
  columns: Columns,
  ranges: UidRanges,
  mask: FlagMask,
  unchangedSince: number | undefined,
): PlannedFlags {
  const { uid, flags, modseq } = columns.arrays;
  const { kept, set } = flagBits(mask);
  const latest = unchangedSince ?? Infinity;
  const hasExtra = columns.hasExtraKeywords || mask.extra.length > 0;
  const changed = new RangeBuilder();
  const modified = new RangeBuilder();
  let unseen = 0;
  let deleted = 0;
  columns.eachRun(ranges, (start, end) => {
    for (let at = start; at < end; at += 1) {
      if ((modseq[at] ?? 0) > latest) {
        modified.add(uid[at] ?? 0);
        continue;
      }
      const before = flags[at] ?? 0;
      const after = (before & kept) | set;
      if ((before ^ after) === 0 && (!hasExtra || !changesExtra(columns, at, mask))) continue;
      unseen += (before & SystemFlag.seen) - (after & SystemFlag.seen);
      deleted += (after & SystemFlag.deleted) - (before & SystemFlag.deleted);
      changed.add(uid[at] ?? 0);
    }
  });
  return { changed: changed.ranges, modified: modified.ranges, unseen, deleted: deleted / SystemFlag.deleted };
}

function changesExtra(columns: Columns, position: number, mask: FlagMask): boolean {
  const extra = columns.extraKeywords(position);
  const changed = changedExtra(extra, mask);
  return changed.length !== extra.length || changed.some((keyword, index) => keyword !== extra[index]);
}

/** What of the ranges would go, all or what is marked, and what it adds up to. */
export function planExpunge(
  columns: Columns,
  ranges: UidRanges,
  force: boolean,
): { readonly uids: UidRanges; readonly tally: Tally } {
  const { uid, flags, size } = columns.arrays;
  const gone = new RangeBuilder();
  const tally: Tally = { octets: 0, unseen: 0, deleted: 0 };
  columns.eachRun(ranges, (start, end) => {
    for (let at = start; at < end; at += 1) {
      const word = flags[at] ?? 0;
      const isDeleted = (word & SystemFlag.deleted) !== 0;
      if (!force && !isDeleted) continue;
      gone.add(uid[at] ?? 0);
      tally.octets += size[at] ?? 0;
      if ((word & SystemFlag.seen) === 0) tally.unseen += 1;
      if (isDeleted) tally.deleted += 1;
    }
  });
  return { uids: gone.ranges, tally };
}
