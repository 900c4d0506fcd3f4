import { MailError } from '../kernel/errors.ts';
import type { AccountId, MessageId } from '../kernel/ids.ts';
import type { FoldedAccount, MailboxInfo, MessageRow, NewMessage } from '../journal/index.ts';
import type { RestoreRooms } from './backup-rooms.ts';
import type { BackupSet } from './backup-set.ts';
import type { UserLine } from './catalogue.ts';
import { foldAccount } from './read-account.ts';
import { restoreContent } from './restore-content.ts';
import type { RestoreOptions } from './write-log.ts';

/** Messages of one record; such a record takes some tens of KiB. */
const APPENDED_AT_ONCE = 500;

/**
 * Puts the messages of a mailbox, as the backup has it, into a new mailbox of a living account: with flags and dates,
 * under new UIDs, saved now.
 * @param path in the backup
 * @param target name of the new mailbox
 * @returns how many messages
 * @throws MailError `mailbox-not-found` where the backup has no such mailbox, `mailbox-exists`, `over-quota` before
 *   anything is written
 */
export async function restoreMailbox(
  rooms: RestoreRooms,
  set: BackupSet,
  line: UserLine,
  { account, path, target }: { readonly account: AccountId; readonly path: string; readonly target: string },
  options: RestoreOptions,
): Promise<number> {
  const { folded, found } = await findMailbox(set, line, path, options);
  const { octets, quotaOctets } = await rooms.mailboxes.usage(account);
  if (quotaOctets > 0 && octets + found.octets > quotaOctets)
    throw new MailError('over-quota', `The mailbox takes ${String(found.octets)} octets, more than the quota leaves`);
  if ((await rooms.mailboxes.find(account, target)) !== undefined)
    throw new MailError('mailbox-exists', `There is a mailbox ${target} already`);
  const rows = [...folded.rows(found.id)];
  const missing = await restoreMissing(rooms, set, line, account, rows, options);
  const kept = rows.filter(({ messageId }) => !missing.has(messageId));
  if (options.isDryRun === true) return kept.length;
  const { id } = await rooms.mailboxes.create(account, target, { subscribe: true });
  for (let start = 0; start < kept.length; start += APPENDED_AT_ONCE)
    await rooms.mailboxes.append(account, id, kept.slice(start, start + APPENDED_AT_ONCE).map(toNewMessage));
  return kept.length;
}

/** Octets of the messages of a mailbox. @throws as restoreMailbox */
export async function mailboxOctets(
  set: BackupSet,
  line: UserLine,
  path: string,
  options: RestoreOptions,
): Promise<number> {
  return (await findMailbox(set, line, path, options)).found.octets;
}

async function findMailbox(
  set: BackupSet,
  line: UserLine,
  path: string,
  options: RestoreOptions,
): Promise<{ readonly folded: FoldedAccount; readonly found: MailboxInfo }> {
  const folded = await foldAccount(set, line, options);
  const found = folded?.mailboxes.find((mailbox) => mailbox.path === path && !mailbox.isNoselect);
  if (folded === undefined || found === undefined)
    throw new MailError('mailbox-not-found', `The backup has no mailbox ${path} of this user`);
  return { folded, found };
}

/** Content that is still there is only held on to; what is not is written. */
async function restoreMissing(
  rooms: RestoreRooms,
  set: BackupSet,
  line: UserLine,
  account: AccountId,
  rows: readonly MessageRow[],
  options: RestoreOptions,
): Promise<ReadonlySet<MessageId>> {
  const ids = [...new Set(rows.map(({ messageId }) => messageId))];
  const there = options.isDryRun === true ? [] : await rooms.renew(account, ids);
  const wanted = new Set(ids.filter((_, position) => there[position] !== true));
  return restoreContent(rooms, set, line, account, wanted, options);
}

function toNewMessage({ messageId, size, crlfSize, flags, internalDate, sentDate, thread }: MessageRow): NewMessage {
  return { messageId, size, crlfSize, flags, internalDate, sentDate, thread };
}
