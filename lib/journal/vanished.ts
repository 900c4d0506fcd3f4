import type { MailboxId } from '../kernel/ids.ts';
import type { AccountLog } from './account-log.ts';
import { NO_SEGMENTS, type SegmentRef } from './checkpoint.ts';
import type { Columns } from './columns.ts';
import type { UidRanges } from './journal.ts';
import { TombstoneList } from './tombstones.ts';
import { intersectRanges, normalizeRanges, withoutUids } from './uid-set.ts';

const ATTEMPTS = 5;
const ALL: UidRanges = [{ from: 1, to: 2 ** 32 - 1 }];

/**
 * The UIDs expunged by records after `modseq` (RFC 7162 section 3.2.10.1). Where tombstones of that time are gone the
 * answer is made of what the client says that it knows: all of it that is not there, which may name more UIDs than
 * went since, and never fewer.
 * @param known UIDs that the client has; all that there ever were where it does not say
 * @throws MailError `unavailable`
 */
export async function vanishedSince(
  log: AccountLog,
  mailbox: MailboxId,
  columns: Columns,
  modseq: number,
  known?: UidRanges,
): Promise<UidRanges> {
  const asked = normalizeRanges(known ?? ALL, (log.state.mailboxes.get(mailbox)?.uidNext ?? 2 ** 32) - 1);
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const { checkpoint } = log;
    const segments = checkpoint?.segments.get(mailbox) ?? NO_SEGMENTS;
    if (modseq < segments.tombstoneFloor) break;
    const written = await readTombstones(
      log,
      mailbox,
      segments.tombstones.filter(({ lastQ }) => lastQ > modseq),
    );
    if (written === undefined) await log.rereadForSegments();
    else if (log.checkpoint === checkpoint)
      return intersectRanges(
        normalizeRanges([...uidsAfter(written, modseq), ...uidsAfter(columns.tombstones, modseq)]),
        asked,
      );
  }
  return withoutUids(asked, columns.uids());
}

/** Undefined where one of the segments is gone. */
export async function readTombstones(
  log: AccountLog,
  mailbox: MailboxId,
  refs: readonly SegmentRef[],
): Promise<TombstoneList | undefined> {
  const list = new TombstoneList();
  if (refs.length === 0) return list;
  const packed = await log.store.readSegments(
    log.account,
    refs.map((ref) => ({ mailbox, ref })),
  );
  for (const [index, segment] of packed.entries()) {
    if (segment === undefined) return undefined;
    list.addPacked(segment, refs[index]?.count ?? 0);
  }
  return list;
}

function uidsAfter(list: TombstoneList, modseq: number): { from: number; to: number }[] {
  const ranges: { from: number; to: number }[] = [];
  for (let index = list.firstAfter(modseq); index < list.count; index += 1)
    ranges.push({ from: list.uid(index), to: list.uid(index) });
  return ranges;
}
