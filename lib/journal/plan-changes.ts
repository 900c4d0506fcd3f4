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

const { seen: SEEN, deleted: DELETED } = SystemFlag;

/** A change as it is put to message after message, and what is gathered on the way. */
interface Planning {
  readonly columns: Columns;
  readonly mask: FlagMask;
  readonly kept: number;
  readonly set: number;
  /** The highest mod-sequence that a message may have to be changed. */
  readonly latest: number;
  readonly hasExtra: boolean;
  readonly changed: RangeBuilder;
  readonly modified: RangeBuilder;
  unseen: number;
  deleted: number;
}

/** What the change would do to the messages of the ranges; those that have the flags already are left alone. */
export function planFlags(
  columns: Columns,
  ranges: UidRanges,
  mask: FlagMask,
  unchangedSince: number | undefined,
): PlannedFlags {
  const planning: Planning = {
    columns,
    mask,
    ...flagBits(mask),
    latest: unchangedSince ?? Infinity,
    hasExtra: columns.hasExtraKeywords || mask.extra.length > 0,
    changed: new RangeBuilder(),
    modified: new RangeBuilder(),
    unseen: 0,
    deleted: 0,
  };
  columns.eachRun(ranges, (start, end) => planRun(planning, start, end));
  const { changed, modified, unseen, deleted } = planning;
  return { changed: changed.ranges, modified: modified.ranges, unseen, deleted };
}

/** Of a million messages, too: all that a step of the loop touches is a variable of this very function. */
function planRun(planning: Planning, start: number, end: number): void {
  const { columns, mask, kept, set, latest, hasExtra, changed, modified } = planning;
  const { flags, modseq } = columns.arrays;
  let unseen = 0;
  let deleted = 0;
  // Messages side by side that are gathered alike make one range; those that are left alone are not gathered.
  let gathering: RangeBuilder | undefined;
  let first = start;
  for (let at = start; at < end; at += 1) {
    const before = flags[at] ?? 0;
    const after = (before & kept) | set;
    let own: RangeBuilder | undefined = changed;
    if ((modseq[at] ?? 0) > latest) own = modified;
    else if ((before ^ after) === 0 && (!hasExtra || !changesExtra(columns, at, mask))) own = undefined;
    else {
      unseen += (before & SEEN) - (after & SEEN);
      deleted += (after & DELETED) - (before & DELETED);
    }
    if (own === gathering) continue;
    if (gathering !== undefined) columns.addUids(gathering, first, at);
    gathering = own;
    first = at;
  }
  if (gathering !== undefined) columns.addUids(gathering, first, end);
  planning.unseen += unseen;
  planning.deleted += deleted / DELETED;
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
  const { flags, size } = columns.arrays;
  const gone = new RangeBuilder();
  const tally: Tally = { octets: 0, unseen: 0, deleted: 0 };
  columns.eachRun(ranges, (start, end) => {
    let [octets, seen, deleted, first] = [0, 0, 0, start];
    let going = 0;
    for (let at = start; at < end; at += 1) {
      const word = flags[at] ?? 0;
      if (!force && (word & SystemFlag.deleted) === 0) {
        if (first < at) columns.addUids(gone, first, at);
        first = at + 1;
        continue;
      }
      going += 1;
      octets += size[at] ?? 0;
      seen += word & SystemFlag.seen;
      deleted += word & SystemFlag.deleted;
    }
    if (first < end) columns.addUids(gone, first, end);
    tally.octets += octets;
    tally.unseen += going - seen / SystemFlag.seen;
    tally.deleted += deleted / SystemFlag.deleted;
  });
  return { uids: gone.ranges, tally };
}
