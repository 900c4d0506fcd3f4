import { z } from 'zod';
import type { MailboxInfo } from '../../../lib/journal/index.ts';
import { MailError } from '../../../lib/kernel/errors.ts';
import { parseMailboxId } from '../../../lib/kernel/ids.ts';
import type { UserRequest } from '../../http/api-request.ts';
import { onlyFalse, onlyNumber } from '../../http/schemas.ts';

/** Twenty levels of 512 octets and what is between them; the journal knows the exact rules. */
const MAX_PATH_CHARACTERS = 20 * 513;

/** Levels joined by `/`, none of them empty. */
export const mailboxPath = z
  .string()
  .max(MAX_PATH_CHARACTERS)
  .refine((path) => !path.split('/').includes(''), 'has an empty level');

export const mailboxParameter = z.string().regex(/^[0-9a-fA-F]{24}$/, 'is not a mailbox id');

/** What clients send along whether or not they want something of it. */
export const notServedForMailbox = { hidden: onlyFalse(), encryptMessages: onlyFalse(), retention: onlyNumber(0) };

export const mailboxOutput = {
  id: z.string(),
  name: z.string(),
  path: z.string(),
  specialUse: z.string().nullable(),
  modifyIndex: z.number(),
  subscribed: z.boolean(),
  hidden: z.boolean(),
  encryptMessages: z.boolean(),
};

export function toMailbox(info: MailboxInfo) {
  return {
    id: info.id,
    name: info.path.slice(info.path.lastIndexOf('/') + 1),
    path: info.path,
    specialUse: info.specialUse ?? null,
    modifyIndex: info.highestModSeq,
    subscribed: info.isSubscribed,
    hidden: false,
    encryptMessages: false,
  };
}

/** @throws MailError `mailbox-not-found`, also for another account's and for a name that only has children */
export async function requireMailbox({ services, user }: UserRequest, text: string): Promise<MailboxInfo> {
  const id = parseMailboxId(text.toLowerCase());
  const info = id === undefined ? undefined : await services.mailboxes.get(user.account, id);
  if (info === undefined || info.isNoselect) throw mailboxNotFound();
  return info;
}

export function mailboxNotFound(): MailError {
  return new MailError('mailbox-not-found', 'This mailbox does not exist');
}
