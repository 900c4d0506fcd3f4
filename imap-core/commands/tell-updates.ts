import { columnText } from '../responses/message-data.ts';
import type { MailboxView } from '../view/mailbox-view.ts';
import type { ConnectionPort } from './command.ts';

export interface UpdateForm {
  /** False while sequence numbers are in use. */
  readonly mayExpunge: boolean;
  /** FETCH lines name the UID too, as they must in the course of a UID command (RFC 3501 section 6.4.8). */
  readonly isUid: boolean;
}

/** Writes what happened in the selected mailbox and may be told now. */
export function tellUpdates(connection: ConnectionPort, view: MailboxView, form: UpdateForm): void {
  if (!view.hasUpdates) return;
  const { output } = connection;
  const updates = view.takeUpdates(form.mayExpunge);
  for (const number of updates.expunged) output.write(`* ${number} EXPUNGE\r\n`);
  if (updates.exists !== undefined) output.write(`* ${updates.exists} EXISTS\r\n`);
  if (updates.recent !== undefined) output.write(`* ${updates.recent} RECENT\r\n`);
  if (updates.flagsChanged.length > 0) tellFlags(connection, view, updates.flagsChanged, form.isUid);
}

/** Writes a FETCH line with the flags, and what goes with them, for each position. */
export function tellFlags(
  connection: ConnectionPort,
  view: MailboxView,
  positions: readonly number[],
  isUid: boolean,
): void {
  for (const position of positions) {
    view.eachColumn(position, position, (columns, at) => {
      const parts = [columnText({ kind: 'flags' }, columns, at, view.isRecent(columns.uid(at)))];
      if (isUid) parts.unshift(`UID ${columns.uid(at)}`);
      if (connection.isCondstoreEnabled) parts.push(`MODSEQ (${columns.modseq(at)})`);
      connection.output.write(`* ${position + 1} FETCH (${parts.join(' ')})\r\n`);
    });
  }
}
