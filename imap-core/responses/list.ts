import { HIERARCHY_DELIMITER } from '../protocol/mailbox.ts';
import { encodeMailboxName } from '../protocol/mailbox-name.ts';
import { stringText } from './text.ts';

/** A mailbox's name as it goes to the client. */
export function mailboxText(path: string): string {
  return stringText(encodeMailboxName(path));
}

/** An untagged LIST or LSUB line. `extended` goes behind the name, in parentheses (RFC 5258 section 3.5). */
export function listLine(
  kind: 'LIST' | 'LSUB',
  attributes: readonly string[],
  path: string,
  extended?: string,
): string {
  const suffix = extended === undefined ? '' : ` (${extended})`;
  return `* ${kind} (${attributes.join(' ')}) "${HIERARCHY_DELIMITER}" ${mailboxText(path)}${suffix}\r\n`;
}
