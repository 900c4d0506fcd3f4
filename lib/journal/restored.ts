import type { MailboxId } from '../kernel/ids.ts';
import type { AccountState, RestoredMessages } from './account-state.ts';
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

/**
 * What is remembered, as one set of UIDs for each mailbox, so that it stays small however often something is restored.
 * @param forgetBefore older ones have no tombstones any more
 */
export function joinRestored(restored: readonly RestoredMessages[], forgetBefore: number): RestoredMessages[] {
  const joined = new Map<MailboxId, { mailbox: MailboxId; uids: UidRanges[number][]; at: number }>();
  for (const { mailbox, uids, at } of restored) {
    if (at < forgetBefore) continue;
    const own = joined.get(mailbox) ?? { mailbox, uids: [], at };
    joined.set(mailbox, own);
    own.at = Math.max(own.at, at);
    for (const range of uids) own.uids.push(range);
  }
  return Array.from(joined.values(), ({ uids, ...own }) => ({ ...own, uids: normalizeRanges(uids) }));
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
