import type { Uid } from '../kernel/ids.ts';
import type { AppendedRow } from './changes.ts';
import type { Columns, Tally } from './columns.ts';
import { SystemFlag, type UidRanges } from './journal.ts';
import type { KeywordTable } from './keywords.ts';

/** The rows of the ranges as they will stand in another mailbox, with new UIDs, and what they add up to. */
export function rowsFrom(
  columns: Columns,
  keywords: KeywordTable,
  ranges: UidRanges,
  firstUid: number,
): { readonly rows: AppendedRow[]; readonly sourceUids: Uid[]; readonly tally: Tally } {
  const rows: AppendedRow[] = [];
  const sourceUids: Uid[] = [];
  const tally = newTally();
  columns.eachPosition(ranges, (at) => {
    sourceUids.push(columns.uid(at));
    addToTally(tally, columns, at);
    rows.push({
      uid: firstUid + rows.length,
      messageId: columns.messageId(at),
      thread: columns.thread(at),
      system: columns.systemFlags(at),
      keywords: columns.keywords(at, keywords),
      size: columns.size(at),
      crlfSize: columns.crlfSize(at),
      internalDate: columns.internalDate(at),
      sentDate: columns.sentDate(at),
    });
  });
  return { rows, sourceUids, tally };
}

export function newTally(): Tally {
  return { octets: 0, unseen: 0, deleted: 0 };
}

export function addToTally(tally: Tally, columns: Columns, position: number): void {
  const system = columns.systemFlags(position);
  tally.octets += columns.size(position);
  if ((system & SystemFlag.seen) === 0) tally.unseen += 1;
  if ((system & SystemFlag.deleted) !== 0) tally.deleted += 1;
}
