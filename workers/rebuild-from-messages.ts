import { FIRST_MAILBOXES, type User } from '../lib/accounts/index.ts';
import type { Store } from './compose.ts';

const RECOVERED = 'Recovered';

/** Makes an account whose journal is lost anew of its message data. @throws MailError `not-permitted` where it is whole */
export async function rebuildFromMessages(
  store: Pick<Store, 'mailboxes' | 'messages'>,
  user: User,
): Promise<{ readonly messages: number; readonly mailbox: string }> {
  const found = async function* () {
    for await (const { receivedAt, sentAt, ...message } of store.messages.stored(user.account))
      yield { ...message, internalDate: { at: receivedAt, zoneMinutes: 0 }, sentDate: sentAt };
  };
  const { messages } = await store.mailboxes.rebuildFromMessages(user.account, found(), {
    quotaOctets: user.quotaOctets,
    mailboxes: FIRST_MAILBOXES,
    recoveredPath: RECOVERED,
  });
  return { messages, mailbox: RECOVERED };
}
