import type { MailboxId, MessageId } from '../kernel/ids.ts';
import type { AccountLog } from './account-log.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { UidRanges } from './journal.ts';
import { normalizeRanges } from './uid-set.ts';

/** What became of a mailbox between two checkpoints, for those who keep something beside its rows. */
export interface FoldedMailbox {
  readonly mailbox: MailboxId;
  readonly uidNext: number;
  /** UIDs from here on are new. */
  readonly appendedFrom: number;
  readonly expunged: UidRanges;
  /** The messages of the UIDs `from` … `to` as of now, ascending; undefined where the columns are not loaded. */
  rows(from: number, to: number): readonly { readonly uid: number; readonly messageId: MessageId }[] | undefined;
}

export interface Folded {
  readonly mailboxes: readonly FoldedMailbox[];
  /** Deleted mailboxes that the new checkpoint remembers no more. */
  readonly forgotten: readonly MailboxId[];
}

/** Must be asked while the columns have their tombstones: before the new checkpoint is made use of. */
export function describeFold(log: AccountLog, previous: Checkpoint, next: Checkpoint): Folded {
  const before = new Map(previous.mailboxes.map(({ id, uidNext }) => [id, uidNext]));
  const mailboxes: FoldedMailbox[] = [];
  for (const { id, uidNext, highestModSeq } of next.mailboxes) {
    if (highestModSeq <= previous.q) continue;
    const tombstones = log.state.columns(id)?.tombstones;
    const expunged: { from: number; to: number }[] = [];
    for (let index = tombstones?.firstAfter(previous.q) ?? 0; index < (tombstones?.count ?? 0); index += 1) {
      const uid = tombstones?.uid(index) ?? 0;
      const last = expunged.at(-1);
      if (last?.to === uid - 1) last.to = uid;
      else expunged.push({ from: uid, to: uid });
    }
    mailboxes.push({
      mailbox: id,
      uidNext,
      appendedFrom: before.get(id) ?? 1,
      expunged: normalizeRanges(expunged),
      rows: (from, to) => rowsOf(log, id, from, to),
    });
  }
  const remembered = new Set(next.removed.map(({ header }) => header.id));
  const forgotten = previous.removed.flatMap(({ header: { id } }) => (remembered.has(id) ? [] : [id]));
  return { mailboxes, forgotten };
}

function rowsOf(log: AccountLog, mailbox: MailboxId, from: number, to: number): ReturnType<FoldedMailbox['rows']> {
  const columns = log.state.columns(mailbox);
  if (columns === undefined) return undefined;
  const rows: { uid: number; messageId: MessageId }[] = [];
  columns.eachPosition([{ from, to }], (at) => rows.push({ uid: columns.uid(at), messageId: columns.messageId(at) }));
  return rows;
}
