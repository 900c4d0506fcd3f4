import type { MailboxId } from '../kernel/ids.ts';
import type { AccountState } from './account-state.ts';
import type { UidRanges } from './journal.ts';
import { normalizeRanges } from './uid-set.ts';

/**
 * Tells of expunged messages whether they were brought back: in logarithmic time, for one who restores much asks for
 * each of what was expunged.
 */
export function restoredIn({ restored }: AccountState): (mailbox: MailboxId, uid: number) => boolean {
  const ranges = new Map<MailboxId, { from: number; to: number }[]>();
  for (const { mailbox, uids } of restored) {
    const own = ranges.get(mailbox) ?? [];
    ranges.set(mailbox, own);
    for (const range of uids) own.push(range);
  }
  const joined = new Map([...ranges].map(([mailbox, own]) => [mailbox, normalizeRanges(own)]));
  return (mailbox, uid) => isIn(joined.get(mailbox) ?? [], uid);
}

/** @param ranges ascending and disjoint */
function isIn(ranges: UidRanges, uid: number): boolean {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ranges[middle]?.to ?? 0) < uid) low = middle + 1;
    else high = middle;
  }
  return (ranges[low]?.from ?? Infinity) <= uid;
}
