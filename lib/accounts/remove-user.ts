import type { Address } from '../addresses/index.ts';
import { MailError } from '../kernel/errors.ts';
import type { AccountId, UserId } from '../kernel/ids.ts';
import { userNotFound, type AccountsRoom } from './user-rows.ts';

/**
 * From the mark on nobody can log in; from the closed journal on nothing can be stored. The row goes last, so that
 * a retry, or whoever wants the name, finds what is left to do.
 */
export async function removeUser(room: AccountsRoom, id: UserId): Promise<readonly Address[]> {
  const row = await room.users.markRemoving(id);
  if (row === undefined) throw userNotFound();
  try {
    const { uidValidity } = await room.mailboxes.closeAccount(row.account as AccountId);
    await room.retiredUsernames.retire(row.usernameKey, uidValidity);
  } catch (error) {
    // Closed by an earlier attempt.
    if (!(error instanceof MailError) || error.code !== 'user-not-found') throw error;
  }
  // The restore itself will find that it has come too late; what it has written is not to stay.
  if (row.restoring !== undefined) await room.mailboxes.closeAccount(row.restoring.account as AccountId);
  const addresses = await room.addresses.removeAllOf(id);
  await room.usernames.remove(row.usernameKey, id);
  await room.users.remove(row);
  return addresses;
}
