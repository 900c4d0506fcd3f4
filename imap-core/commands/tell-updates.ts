import { columnText } from '../responses/message-data.ts';
import type { MailboxView } from '../view/mailbox-view.ts';
import type { ConnectionPort } from './command.ts';

export interface UpdateForm {
  /** False while sequence numbers are in use. */
  readonly mayExpunge: boolean;
  /** FETCH lines name the UID too, as they must in the course of a UID command (RFC 3501 section 6.4.8). */
  readonly isUid: boolean;
}

/** Lines between two looks at the output. */
const BATCH = 1000;

/**
 * Writes what happened in the selected mailbox and may be told now, no faster than the client reads. What happens
 * meanwhile is told the next time.
 */
export async function tellUpdates(connection: ConnectionPort, view: MailboxView, form: UpdateForm): Promise<void> {
  if (!view.hasUpdates) return;
  const { output } = connection;
  const updates = view.takeUpdates(form.mayExpunge);
  let written = 0;
  for (const number of updates.expunged) {
    output.write(`* ${number} EXPUNGE\r\n`);
    written += 1;
    if (written % BATCH === 0) await output.ready();
  }
  if (updates.exists !== undefined) output.write(`* ${updates.exists} EXISTS\r\n`);
  if (updates.recent !== undefined) output.write(`* ${updates.recent} RECENT\r\n`);
  if (updates.flagsChanged.length > 0) await tellFlags(connection, view, updates.flagsChanged, form.isUid);
}

/** Writes a FETCH line with the flags, and what goes with them, for each position. */
export async function tellFlags(
  connection: ConnectionPort,
  view: MailboxView,
  positions: readonly number[],
  isUid: boolean,
): Promise<void> {
  let written = 0;
  for (const position of positions) {
    view.eachColumn(position, position, (columns, at) => {
      const parts = [columnText({ kind: 'flags' }, columns, at, view.isRecent(columns.uid(at)))];
      if (isUid) parts.unshift(`UID ${columns.uid(at)}`);
      if (connection.isCondstoreEnabled) parts.push(`MODSEQ (${columns.modseq(at)})`);
      connection.output.write(`* ${position + 1} FETCH (${parts.join(' ')})\r\n`);
    });
    written += 1;
    if (written % BATCH === 0) await connection.output.ready();
  }
}
