import type { Clock } from '../kernel/clock.ts';
import { isTemporary, toMailError } from '../kernel/errors.ts';
import type { AccountId, MailboxId } from '../kernel/ids.ts';
import { AccountLog } from './account-log.ts';
import type { Checkpoint } from './checkpoint.ts';
import { Columns } from './columns.ts';
import { compareLogs } from './compare-logs.ts';
import { isBrokenJournal } from './damage.ts';
import type { CheckpointKind, JournalStore, SegmentKey } from './journal-store.ts';
import { loadColumns } from './load-columns.ts';
import { accountMiscounts, miscountsOf } from './miscounts.ts';
import { unreadableAt } from './record-codec.ts';
import { addRowSegment } from './segments.ts';
import { TombstoneList } from './tombstones.ts';

/** Gaps that are named; a journal with more is past counting. */
const MAX_GAPS = 100;
const ATTEMPTS = 3;

/**
 * What an account's journal lacks, each as a sentence: records above the base and before the last one, which hide all
 * that come after, segments that a checkpoint names, whatever base and journal say otherwise than the head, and counters
 * that are not what is counted. Reads all of it, and changes nothing.
 * @throws MailError `unavailable`
 */
export async function checkAccount(store: JournalStore, account: AccountId, clock: Clock): Promise<readonly string[]> {
  for (let attempt = 1; ; attempt += 1) {
    const { gaps, last } = await store.readGaps(account, MAX_GAPS);
    const found = await readCheckpoints(store, account);
    const { head, base } = found;
    const problems = [...found.problems];
    for (const { from, to } of gaps)
      if (to > (base?.q ?? 0)) problems.push(recordsMissing(Math.max(from, (base?.q ?? 0) + 1), to));
    for (const checkpoint of [head, base])
      if (checkpoint !== undefined) problems.push(...(await missingSegments(store, account, checkpoint)));
    if (base !== undefined && head !== undefined && head.q < base.q) problems.push('the base is ahead of the head');
    // The journal was read before the checkpoint: it is behind only where records have gone or have just come.
    const isBehind = head !== undefined && head.q > Math.max(last, base?.q ?? 0) && !head.isClosed;
    if (isBehind && (await store.readGaps(account, 1)).last < head.q) problems.push(recordsMissing(last + 1, head.q));
    if (problems.length > 0) problems.push(...(await countHead(store, account, clock)));
    else if (head !== undefined) problems.push(...(await replay(store, account, clock, base)));
    // A fold or the removal of records may have gone on meanwhile.
    const now = problems.length === 0 ? found : await readCheckpoints(store, account);
    const isSettled = now.head?.rev === head?.rev && now.base?.rev === base?.rev;
    if (isSettled || attempt === ATTEMPTS) return problems;
  }
}

async function readCheckpoints(store: JournalStore, account: AccountId) {
  const problems: string[] = [];
  const read = async (kind: CheckpointKind): Promise<Checkpoint | undefined> => {
    try {
      return await store.readCheckpoint(account, kind);
    } catch (error) {
      if (!isBrokenJournal(error)) throw error;
      problems.push(String(error.cause));
      return undefined;
    }
  };
  return { head: await read('head'), base: await read('base'), problems };
}

/** The account as base and journal make it, held against the account as the head makes it. */
async function replay(
  store: JournalStore,
  account: AccountId,
  clock: Clock,
  base: Checkpoint | undefined,
): Promise<readonly string[]> {
  try {
    const asWritten = await AccountLog.open(account, store, { clock });
    const asReplayed = await openFromBase(store, account, clock, base, asWritten.state.q);
    return await compareLogs(asWritten, asReplayed);
  } catch (error) {
    const q = unreadableAt(error);
    if (q !== undefined) return [recordUnreadable(q, error)];
    if (!isBrokenJournal(error)) throw error;
    return [`base and journal do not lead to the head: ${String(error.cause)}`];
  }
}

/** What counters of the account as it is served are not what is counted; nothing where it is not served. */
async function countHead(store: JournalStore, account: AccountId, clock: Clock): Promise<readonly string[]> {
  try {
    const log = await AccountLog.open(account, store, { clock });
    const { state } = log;
    const problems = accountMiscounts(state);
    for (const header of [...state.mailboxes.values()]) {
      if (header.isNoselect) continue;
      await loadColumns(log, [header.id]);
      const columns = state.columns(header.id);
      if (columns !== undefined) problems.push(...miscountsOf(header, columns, state.q));
      state.unloadColumns(header.id);
    }
    return problems;
  } catch (error) {
    const q = unreadableAt(error);
    if (q !== undefined) return [recordUnreadable(q, error)];
    // What is missing was named.
    if (isTemporary(toMailError(error).code)) return [];
    throw error;
  }
}

function openFromBase(
  store: JournalStore,
  account: AccountId,
  clock: Clock,
  base: Checkpoint | undefined,
  upTo: number,
): Promise<AccountLog> {
  return AccountLog.open(
    account,
    {
      ...store,
      readCheckpoint: async (own, kind) => (kind === 'base' ? store.readCheckpoint(own, kind) : base),
      readAfter: async (own, q, limit) => {
        const { records, beyond } = await store.readAfter(own, q, limit);
        const isOver = (records.at(-1)?.q ?? 0) >= upTo;
        return { records: records.filter((record) => record.q <= upTo), beyond: isOver ? undefined : beyond };
      },
    },
    { clock },
  );
}

/**
 * Whether base and journal, whatever they say, can be read as far as the head: no record and no segment of the base
 * lacks, and each record follows the one before it. @throws MailError `unavailable` where the database is in trouble
 */
export async function leadsToHead(
  store: JournalStore,
  account: AccountId,
  clock: Clock,
  base: Checkpoint | undefined,
  head: Checkpoint,
): Promise<boolean> {
  const { gaps } = await store.readGaps(account, MAX_GAPS);
  if (gaps.some(({ from, to }) => to > (base?.q ?? 0) && from <= head.q)) return false;
  if (base !== undefined && (await missingSegments(store, account, base)).length > 0) return false;
  try {
    const { state } = await openFromBase(store, account, clock, base, head.q);
    return state.q >= head.q;
  } catch (error) {
    if (!isBrokenJournal(error)) throw error;
    return false;
  }
}

function recordUnreadable(q: number, error: unknown): string {
  return `record ${q} of the journal cannot be read: ${String(error instanceof Error ? error.cause : error)}`;
}

function recordsMissing(from: number, to: number): string {
  return from === to
    ? `record ${from} of the journal is missing`
    : `records ${from} to ${to} of the journal are missing`;
}

async function missingSegments(store: JournalStore, account: AccountId, checkpoint: Checkpoint): Promise<string[]> {
  const problems: string[] = [];
  for (const [mailbox, { rows, tombstones }] of checkpoint.segments) {
    const name = nameOf(checkpoint, mailbox);
    for (const ref of rows) {
      const lack = await lackOf(store, account, { mailbox, ref }, (packed) =>
        addRowSegment(new Columns(ref.count), packed, ref.count),
      );
      const uids = `UIDs ${ref.first} to ${ref.last}`;
      if (lack !== undefined) problems.push(`the segment of mailbox ${name} that holds ${uids} ${lack}`);
    }
    for (const ref of tombstones) {
      const lack = await lackOf(store, account, { mailbox, ref }, (packed) =>
        new TombstoneList().addPacked(packed, ref.count),
      );
      if (lack !== undefined) problems.push(`a segment of expunged messages of mailbox ${name} ${lack}`);
    }
  }
  return problems;
}

async function lackOf(
  store: JournalStore,
  account: AccountId,
  key: SegmentKey,
  unpack: (packed: Buffer) => void,
): Promise<string | undefined> {
  const [packed] = await store.readSegments(account, [key]);
  if (packed === undefined) return 'is missing';
  try {
    unpack(packed);
    return undefined;
  } catch (error) {
    if (!isBrokenJournal(error)) throw error;
    return 'cannot be read';
  }
}

function nameOf({ mailboxes, removed }: Checkpoint, id: MailboxId): string {
  const header = mailboxes.find((one) => one.id === id) ?? removed.find((one) => one.header.id === id)?.header;
  return header?.path ?? id;
}
