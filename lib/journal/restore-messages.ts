import type { MessageId } from '../kernel/ids.ts';
import type { LoadedAccount } from './account-logs.ts';
import { restoreCommand } from './decide-restore.ts';
import { readExpunged, type ExpungedRow } from './expunged.ts';
import type { CommitOptions, MailboxRef, RestoredMessage, RestoreResult } from './journal.ts';

export interface RestoreOptions extends CommitOptions {
  readonly target?: MailboxRef;
}

export type RenewOwn = (messageIds: readonly MessageId[]) => Promise<readonly boolean[]>;

/** Brings expunged messages back by their ids, in one record. */
export async function restoreMessages(
  loaded: LoadedAccount,
  ids: readonly string[],
  goneSince: number,
  renew: RenewOwn | undefined,
  options: RestoreOptions,
): Promise<RestoreResult> {
  const expunged = await readExpunged(loaded.log, goneSince);
  const wanted = [...new Set(ids)].sort();
  const rows = wanted.flatMap((id) => expunged.get(id) ?? []);
  const restored = await restoreRows(loaded, rows, renew, options);
  const done = new Set(restored.map(({ id }) => id));
  return { restored, notRestored: [...new Set(ids)].filter((id) => !done.has(id)) };
}

/**
 * Brings messages back in one record, but those that were brought back already. Their data is renewed first, so that a
 * sweep under way leaves it alone; what it has taken already cannot come back.
 */
export async function restoreRows(
  { queue }: LoadedAccount,
  rows: readonly ExpungedRow[],
  renew: RenewOwn | undefined,
  options: RestoreOptions,
): Promise<readonly RestoredMessage[]> {
  const messageIds = rows.map(({ row }) => row.messageId);
  const isThere = rows.length === 0 ? [] : ((await renew?.(messageIds)) ?? messageIds.map(() => true));
  const possible = rows.filter((_, index) => isThere[index] === true);
  return queue.submit(restoreCommand(possible, options.target), {
    deadline: options.deadline,
    messageIds: possible.map(({ row }) => row.messageId),
  });
}
