import type { MailboxInfo } from '../protocol/mailbox.ts';
import { type StatusItem, statusValue } from '../protocol/status-item.ts';
import { mailboxText } from './list.ts';

export function statusLine(path: string, items: readonly StatusItem[], info: MailboxInfo): string {
  const values = items.map((item) => `${item} ${statusValue(item, info)}`);
  return `* STATUS ${mailboxText(path)} (${values.join(' ')})\r\n`;
}
