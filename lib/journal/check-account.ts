import type { AccountId, MailboxId } from '../kernel/ids.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { JournalStore, SegmentKey } from './journal-store.ts';

/** Gaps that are named; a journal with more is past counting. */
const MAX_GAPS = 100;
const ATTEMPTS = 3;

/**
 * What an account's journal lacks, each as a sentence: records before the last one, which hide all that come after,
 * and segments that the checkpoint names. Reads keys and segments, and changes nothing.
 * @throws MailError `unavailable`
 */
export async function checkAccount(store: JournalStore, account: AccountId): Promise<readonly string[]> {
  const { gaps, last } = await store.readGaps(account, MAX_GAPS);
  const problems = gaps.map(({ from, to }) => recordsMissing(from, to));
  for (let attempt = 1; ; attempt += 1) {
    const checkpoint = await store.readCheckpoint(account);
    if (checkpoint === undefined) return problems;
    const missing = await missingSegments(store, account, checkpoint);
    // A fold may have written the account down anew and taken the old segments away.
    const isSettled = missing.length === 0 || (await store.readCheckpoint(account))?.rev === checkpoint.rev;
    if (!isSettled && attempt < ATTEMPTS) continue;
    // The journal was read before the checkpoint: it is behind only where records have gone or have just come.
    const isBehind = checkpoint.q > last && (await store.readGaps(account, 1)).last < checkpoint.q;
    return [...problems, ...(isBehind ? [recordsMissing(last + 1, checkpoint.q)] : []), ...missing];
  }
}

function recordsMissing(from: number, to: number): string {
  return from === to
    ? `record ${from} of the journal is missing`
    : `records ${from} to ${to} of the journal are missing`;
}

async function missingSegments(store: JournalStore, account: AccountId, checkpoint: Checkpoint): Promise<string[]> {
  const problems: string[] = [];
  for (const [mailbox, { rows, tombstones }] of checkpoint.segments) {
    for (const ref of rows) {
      if (await isGone(store, account, { mailbox, ref })) {
        const uids = `UIDs ${ref.first} to ${ref.last}`;
        problems.push(`the segment of mailbox ${nameOf(checkpoint, mailbox)} that holds ${uids} is missing`);
      }
    }
    for (const ref of tombstones) {
      if (await isGone(store, account, { mailbox, ref }))
        problems.push(`a segment of expunged messages of mailbox ${nameOf(checkpoint, mailbox)} is missing`);
    }
  }
  return problems;
}

async function isGone(store: JournalStore, account: AccountId, key: SegmentKey): Promise<boolean> {
  const [packed] = await store.readSegments(account, [key]);
  return packed === undefined;
}

function nameOf({ mailboxes, removed }: Checkpoint, id: MailboxId): string {
  const header = mailboxes.find((one) => one.id === id) ?? removed.find((one) => one.header.id === id)?.header;
  return header?.path ?? id;
}
