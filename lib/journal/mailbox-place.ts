import type { MailboxId, MessageId } from '../kernel/ids.ts';
import type { OpenMailbox } from './journal.ts';

/** A mailbox as those see it who keep something beside its rows, as `FoldedMailbox` shows it after a fold. */
export interface MailboxPlace {
  readonly mailbox: MailboxId;
  readonly uidNext: number;
  /** The messages of the UIDs `from` … `to` as of now, ascending. */
  rows(from: number, to: number): readonly { readonly uid: number; readonly messageId: MessageId }[];
}

export function placeOf(mailbox: OpenMailbox): MailboxPlace {
  return {
    mailbox: mailbox.id,
    uidNext: mailbox.info().uidNext,
    rows: (from, to) => {
      const columns = mailbox.columns();
      const rows: { uid: number; messageId: MessageId }[] = [];
      for (let at = columns.lowerBound(from); at < columns.count && columns.uid(at) <= to; at += 1)
        rows.push({ uid: columns.uid(at), messageId: columns.messageId(at) });
      return rows;
    },
  };
}
