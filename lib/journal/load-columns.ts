import type { MailboxId } from '../kernel/ids.ts';
import { MailError } from '../kernel/errors.ts';
import type { AccountLog } from './account-log.ts';
import type { AccountState, MailboxHeader } from './account-state.ts';
import { applyRecord } from './apply.ts';
import { NO_CHECKPOINT, NO_SEGMENTS, stateOf } from './checkpoint.ts';
import { Columns } from './columns.ts';
import type { SegmentKey } from './journal-store.ts';
import { addRowSegment } from './segments.ts';

const ATTEMPTS = 5;

/**
 * Makes the columns of the mailboxes part of the log's state: segments as of the checkpoint, then the records
 * since. A segment that is gone means that the account was written down anew: the checkpoint is read again.
 * @throws MailError `unavailable`
 */
export async function loadColumns(log: AccountLog, mailboxes: readonly MailboxId[]): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const missing = mailboxes.filter((id) => isMissing(log, id));
    if (missing.length === 0) return;
    if (await loadOnce(log, missing)) return;
    await log.rereadForSegments();
  }
  throw new MailError('unavailable', 'The mailbox is not available at the moment, please try again', {
    cause: 'segments keep vanishing',
  });
}

/** True where the mailbox exists, or existed lately, and its columns are not loaded. */
export function isMissing(log: AccountLog, id: MailboxId): boolean {
  const header = headerIn(log.state, id);
  return header?.isNoselect === false && log.state.columns(id) === undefined;
}

async function loadOnce(log: AccountLog, mailboxes: readonly MailboxId[]): Promise<boolean> {
  const checkpoint = log.checkpoint ?? NO_CHECKPOINT;
  const keys: SegmentKey[] = [];
  const counts: number[] = [];
  for (const mailbox of mailboxes) {
    for (const ref of (checkpoint.segments.get(mailbox) ?? NO_SEGMENTS).rows) {
      keys.push({ mailbox, ref });
      counts.push(ref.count);
    }
  }
  const packed = keys.length === 0 ? [] : await log.store.readSegments(log.account, keys);
  const loaded = new Map(mailboxes.map((id) => [id, new Columns(roomFor(keys, counts, id))]));
  for (const [index, { mailbox }] of keys.entries()) {
    const segment = packed[index];
    if (segment === undefined) return false;
    const columns = loaded.get(mailbox);
    if (columns !== undefined) addRowSegment(columns, segment, counts[index] ?? 0);
  }
  const records = await log.recordsSinceCheckpoint();
  if (records === undefined) return false;
  // Nothing waits from here on: what was read is the state of this very moment, or of a checkpoint of the past.
  if (log.checkpoint !== undefined && log.checkpoint.rev !== checkpoint.rev) return false;
  const latest = log.keptAfter(records.at(-1)?.q ?? checkpoint.q);
  if (latest === undefined) return false;
  const replayed = stateOf(log.account, checkpoint);
  for (const [id, columns] of loaded) replayed.loadColumns(id, columns);
  for (const record of [...records, ...latest]) applyRecord(replayed, record);
  for (const id of mailboxes) {
    const columns = replayed.columns(id);
    if (columns === undefined || !isMissing(log, id)) continue;
    // Columns hold positions of the written table, which a fold elsewhere may have cleared of unused names.
    const keywords = headerIn(replayed, id)?.keywords;
    if (keywords !== undefined) log.state.changeTable(id, keywords);
    log.state.loadColumns(id, columns);
  }
  return true;
}

function headerIn({ mailboxes, removed }: AccountState, id: MailboxId): MailboxHeader | undefined {
  return mailboxes.get(id) ?? removed.get(id)?.header;
}

function roomFor(keys: readonly SegmentKey[], counts: readonly number[], id: MailboxId): number {
  let sum = 0;
  for (const [index, { mailbox }] of keys.entries()) if (mailbox === id) sum += counts[index] ?? 0;
  return sum + 64;
}
