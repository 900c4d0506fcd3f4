import type { ColumnItem } from '../protocol/fetch-item.ts';
import type { NumberRange } from '../protocol/number-range.ts';
import type { MailboxView } from '../view/mailbox-view.ts';
import { turn } from '../wire/turn.ts';
import type { ConnectionPort } from './command.ts';
import { writeColumns } from './fetch/write-columns.ts';

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
    if (written % BATCH > 0) continue;
    await output.ready();
    await turn();
  }
  if (updates.exists !== undefined) output.write(`* ${updates.exists} EXISTS\r\n`);
  if (updates.recent !== undefined) output.write(`* ${updates.recent} RECENT\r\n`);
  if (updates.flagsChanged.length > 0) await tellFlags(connection, view, updates.flagsChanged, form.isUid);
}

/** Writes a FETCH line with the flags, and what goes with them, for each position whose message is there. */
export async function tellFlags(
  connection: ConnectionPort,
  view: MailboxView,
  ranges: readonly NumberRange[],
  isUid: boolean,
): Promise<void> {
  const items: ColumnItem[] = [{ kind: 'flags' }];
  if (isUid) items.unshift({ kind: 'uid' });
  if (connection.isCondstoreEnabled) items.push({ kind: 'modseq' });
  let written = 0;
  for (const { from, to } of ranges) {
    for (let start = from; start <= to; start += BATCH) {
      const end = Math.min(to, start + BATCH - 1);
      for (const span of view.spans(start, end)) if (!span.isGone) writeColumns(connection.output, view, span, items);
      written += end - start + 1;
      if (written < BATCH) continue;
      written = 0;
      await connection.output.ready();
      await turn();
    }
  }
}
