import type { MessageSet } from '../protocol/message-set.ts';
import type { MailboxView } from '../view/mailbox-view.ts';
import type { ConnectionPort } from './command.ts';
import { tellUpdates } from './tell-updates.ts';

/**
 * A set of UIDs may reach beyond what the client has been told of: clients poll with `UID FETCH n:*`. Storage is then
 * asked for news, and new messages are told before they are spoken of.
 */
export async function meetNewMessages(connection: ConnectionPort, view: MailboxView, set: MessageSet): Promise<void> {
  const largest = view.uidAt(view.count - 1);
  const reachesBeyond = set.some(({ from, to }) => isBeyond(from, largest) || isBeyond(to, largest));
  if (reachesBeyond) await view.mailbox.refresh();
  const hasNew = view.mailbox.uids().length > 0 && (view.mailbox.uids().at(-1) ?? 0) > largest;
  if (hasNew) await tellUpdates(connection, view, { mayExpunge: false, isUid: true });
}

function isBeyond(number: number, largest: number): boolean {
  return number !== Infinity && number > largest;
}
