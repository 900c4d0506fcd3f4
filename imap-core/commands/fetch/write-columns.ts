import type { ColumnItem } from '../../protocol/fetch-item.ts';
import { columnText } from '../../responses/message-data.ts';
import type { ColumnSpan, MailboxView } from '../../view/mailbox-view.ts';
import type { Output } from '../../wire/output.ts';

/** A FETCH line for each message of the span whose modseq is above `changedSince`. */
export function writeColumns(
  output: Output,
  view: MailboxView,
  { columns, at: first, position, count }: ColumnSpan,
  items: readonly ColumnItem[],
  changedSince = -1,
): void {
  const { recentFrom } = view.mailbox;
  let lines = '';
  for (let index = 0; index < count; index += 1) {
    const at = first + index;
    if (changedSince >= 0 && columns.modseq(at) <= changedSince) continue;
    const isRecent = columns.uid(at) >= recentFrom;
    lines += `* ${position + index + 1} FETCH (`;
    let separator = '';
    for (const item of items) {
      lines += separator + columnText(item, columns, at, isRecent);
      separator = ' ';
    }
    lines += ')\r\n';
  }
  if (lines !== '') output.write(lines);
}
