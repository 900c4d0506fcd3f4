import { z } from 'zod';
import type { MessageRow, OpenMailbox, UidRanges } from '../../../lib/journal/index.ts';
import { MailError } from '../../../lib/kernel/errors.ts';
import { parseMailboxId, type Uid } from '../../../lib/kernel/ids.ts';
import type { MessageContent } from '../../../lib/messages/index.ts';
import type { UserRequest } from '../../http/api-request.ts';
import { whole } from '../../http/schemas.ts';
import { mailboxNotFound, mailboxParameter } from '../mailboxes/mailbox-fields.ts';

export const messagePath = { mailbox: mailboxParameter, message: whole(1, 0xffff_ffff) };

/** `1`, `1,2,3`, `1:5`, `1:*`: as text, or as a JSON number. */
export const messageNumbers = z.preprocess((value) => (typeof value === 'number' ? String(value) : value), z.string());

/** Opens a mailbox for one request, current as of now, and leaves \Recent alone. */
export async function withMailbox<T>(
  { services, user }: UserRequest,
  text: string,
  use: (mailbox: OpenMailbox) => Promise<T>,
): Promise<T> {
  const id = parseMailboxId(text.toLowerCase());
  if (id === undefined) throw mailboxNotFound();
  const mailbox = await services.mailboxes.open(user.account, id, { isReadOnly: true });
  try {
    return await use(mailbox);
  } finally {
    mailbox.close();
  }
}

/** @throws MailError `message-not-found` */
export function requireRow(mailbox: OpenMailbox, uid: number): MessageRow {
  const row = mailbox.row(uid);
  if (row === undefined) throw messageNotFound();
  return row;
}

/** The UIDs of the ranges that exist. @throws MailError `message-not-found` where there is none */
export function requireUids(mailbox: OpenMailbox, ranges: UidRanges): readonly Uid[] {
  const columns = mailbox.columns();
  const uids: Uid[] = [];
  for (const { from, to } of ranges) {
    for (
      let position = columns.lowerBound(from);
      position < columns.count && columns.uid(position) <= to;
      position += 1
    ) {
      uids.push(columns.uid(position));
    }
  }
  if (uids.length === 0) throw messageNotFound();
  return uids;
}

/** The content of a row that is live: where there is none, something is broken, and nobody is told "not found". */
export async function openContent({ services, user }: UserRequest, { messageId }: MessageRow): Promise<MessageContent> {
  try {
    return await services.messages.open(user.account, messageId);
  } catch (error) {
    if (!(error instanceof MailError) || error.code !== 'message-not-found') throw error;
    throw new MailError('internal', 'The message cannot be read at the moment', { cause: error });
  }
}

export function messageNotFound(): MailError {
  return new MailError('message-not-found', 'This message does not exist');
}
