import { MailError } from '../kernel/errors.ts';
import type { MailboxId, Uid } from '../kernel/ids.ts';
import type { AccountState, MailboxHeader } from './account-state.ts';
import type { AppendedRow, Change } from './changes.ts';
import { requireKeywords } from './decide-messages.ts';
import {
  noColumns,
  requireAccount,
  requireQuota,
  requireTarget,
  requireUids,
  unchanged,
  type Command,
} from './decision.ts';
import { expungedId, type ExpungedRow } from './expunged.ts';
import { SystemFlag, type MailboxRef, type RestoredMessage } from './journal.ts';
import { MAX_TABLE } from './keywords.ts';
import { INBOX } from './mailbox-path.ts';
import { restoredIn } from './restored.ts';
import { rangesOf } from './uid-set.ts';

/**
 * Appends expunged messages anew, without `\Deleted`, all of them in one record that says which they were: what was
 * brought back is not brought back again, however often and wherever it is asked for.
 * @param target undefined: where each was, or INBOX where that mailbox is gone
 */
export function restoreCommand(
  expunged: readonly ExpungedRow[],
  target: MailboxRef | undefined,
): Command<readonly RestoredMessage[]> {
  return {
    columns: noColumns,
    decide: (state) => {
      requireAccount(state);
      const isRestored = restoredIn(state);
      const left = expunged.filter(({ mailbox, row }) => !isRestored(mailbox, row.uid));
      if (left.length === 0) return unchanged<readonly RestoredMessage[]>([]);
      requireQuota(state, left.reduce((sum, { row }) => sum + row.size, 0)); // prettier-ignore
      const restored: RestoredMessage[] = [];
      const changes: Change[] = [];
      for (const [header, own] of byTarget(state, left, target)) {
        requireUids(header, own.length);
        const rows = own.map(({ row }, index) => appendedRow(row, header.uidNext + index));
        requireKeywords(state, header, rows, MAX_TABLE);
        changes.push({ kind: 'append', mailbox: header.id, origin: 'copy', rows });
        own.forEach(({ mailbox, row }, index) => {
          const uid = (header.uidNext + index) as Uid;
          const { id, uidValidity } = header;
          restored.push({ id: expungedId(mailbox, row.uid), messageId: row.messageId, mailbox: id, uidValidity, uid });
        });
      }
      for (const [mailbox, uids] of uidsByMailbox(left))
        changes.push({ kind: 'restore', mailbox, uids: rangesOf(uids) });
      return { changes, result: () => restored };
    },
  };
}

function byTarget(
  state: AccountState,
  expunged: readonly ExpungedRow[],
  target: MailboxRef | undefined,
): ReadonlyMap<MailboxHeader, ExpungedRow[]> {
  const given = target === undefined ? undefined : requireTarget(state, target);
  const groups = new Map<MailboxHeader, ExpungedRow[]>();
  for (const own of expunged) {
    const former = state.mailboxes.get(own.mailbox);
    const header = given ?? (former?.isNoselect === false ? former : state.byPath(INBOX));
    if (header === undefined) throw new MailError('mailbox-not-found', 'This user has no INBOX');
    const group = groups.get(header);
    if (group === undefined) groups.set(header, [own]);
    else group.push(own);
  }
  return groups;
}

function appendedRow(row: ExpungedRow['row'], uid: number): AppendedRow {
  const { messageId, thread, flags, size, crlfSize, internalDate, sentDate } = row;
  const system = flags.system & ~SystemFlag.deleted;
  return { uid, messageId, thread, system, keywords: flags.keywords, size, crlfSize, internalDate, sentDate };
}

function uidsByMailbox(expunged: readonly ExpungedRow[]): ReadonlyMap<MailboxId, number[]> {
  const uids = new Map<MailboxId, number[]>();
  for (const { mailbox, row } of expunged) {
    const own = uids.get(mailbox);
    if (own === undefined) uids.set(mailbox, [row.uid]);
    else own.push(row.uid);
  }
  for (const own of uids.values()) own.sort((a, b) => a - b);
  return uids;
}
