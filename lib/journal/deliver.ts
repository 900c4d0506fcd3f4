import type { Clock } from '../kernel/clock.ts';
import type { Uid, MessageId } from '../kernel/ids.ts';
import type { AccountLog } from './account-log.ts';
import type { LoadedAccount } from './account-logs.ts';
import { deliverCommand } from './decide-messages.ts';
import { inTime } from './in-time.ts';
import type { AppendResult, Delivery } from './journal.ts';

const PAGE = 512;

/**
 * The journal's half of a delivery: one append for a message id, however often and wherever it is tried. What the
 * state does not remember is looked for in the journal, no earlier than where the message's data was written.
 */
export async function deliverOnce(
  { log, queue }: LoadedAccount,
  delivery: Delivery,
  deadline: number,
  clock: Clock,
): Promise<AppendResult> {
  const { message, mailboxPath, existedSinceQ } = delivery;
  if (existedSinceQ !== undefined) {
    const earlier = await inTime(findDelivery(log, message.messageId, existedSinceQ), deadline, clock);
    if (earlier !== undefined) return earlier;
  }
  return queue.submit(deliverCommand(message, mailboxPath), {
    deadline,
    messageIds: [message.messageId],
  });
}

/** Among the records after `since` that the state does not remember the deliveries of. */
async function findDelivery(log: AccountLog, messageId: MessageId, since: number): Promise<AppendResult | undefined> {
  let q = since;
  while (q < log.state.deliveriesFrom && !log.state.deliveries.has(messageId)) {
    const { records, beyond } = await log.store.readAfter(log.account, q, PAGE);
    for (const record of records) {
      for (const change of record.changes) {
        if (change.kind !== 'append' || change.origin !== 'delivery') continue;
        const row = change.rows.find((own) => own.messageId === messageId);
        if (row === undefined) continue;
        const uidValidity = uidValidityOf(log, change.mailbox);
        return { mailbox: change.mailbox, uidValidity, uids: [row.uid as Uid], modseq: record.q };
      }
    }
    // Records below the floor are older than any delivery that may still be tried again.
    const next = beyond === undefined ? records.at(-1)?.q : beyond - 1;
    if (next === undefined) return undefined;
    q = next;
  }
  return undefined;
}

/** A mailbox keeps its UIDVALIDITY for life; of one that is long gone nobody asks. */
function uidValidityOf(log: AccountLog, mailbox: AppendResult['mailbox']): number {
  return (
    (log.state.mailboxes.get(mailbox) ?? log.state.removed.get(mailbox)?.header)?.uidValidity ?? log.state.uidValidity
  );
}
