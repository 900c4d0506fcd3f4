import type { MailboxId } from '../kernel/ids.ts';
import type { AccountLog } from './account-log.ts';
import { NO_SEGMENTS } from './checkpoint.ts';
import type { Columns } from './columns.ts';
import type { UidRanges } from './journal.ts';
import { TombstoneList } from './tombstones.ts';
import { normalizeRanges } from './uid-set.ts';

const ATTEMPTS = 5;

/**
 * The UIDs expunged by records after `modseq` (RFC 7162 section 3.2.10.1); undefined where tombstones of that time
 * are gone, or were lost to a fold just now: the client's own list must do then.
 * @throws MailError `unavailable`
 */
export async function vanishedSince(
  log: AccountLog,
  mailbox: MailboxId,
  columns: Columns,
  modseq: number,
): Promise<UidRanges | undefined> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const { checkpoint } = log;
    const segments = checkpoint?.segments.get(mailbox) ?? NO_SEGMENTS;
    if (modseq < segments.tombstoneFloor) return undefined;
    const written = await readTombstones(
      log,
      mailbox,
      segments.tombstones.filter(({ lastQ }) => lastQ > modseq),
    );
    if (written === undefined) await log.rereadCheckpoint();
    else if (log.checkpoint === checkpoint)
      return normalizeRanges([...uidsAfter(written, modseq), ...uidsAfter(columns.tombstones, modseq)]);
  }
  return undefined;
}

/** Undefined where one of the segments is gone. */
export async function readTombstones(
  log: AccountLog,
  mailbox: MailboxId,
  refs: readonly { readonly generation: string; readonly number: number }[],
): Promise<TombstoneList | undefined> {
  const list = new TombstoneList();
  if (refs.length === 0) return list;
  const packed = await log.store.readSegments(
    log.account,
    refs.map((ref) => ({ mailbox, ref })),
  );
  for (const segment of packed) {
    if (segment === undefined) return undefined;
    list.addPacked(segment);
  }
  return list;
}

function uidsAfter(list: TombstoneList, modseq: number): { from: number; to: number }[] {
  const ranges: { from: number; to: number }[] = [];
  for (let index = list.firstAfter(modseq); index < list.count; index += 1)
    ranges.push({ from: list.uid(index), to: list.uid(index) });
  return ranges;
}
