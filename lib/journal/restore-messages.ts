import type { MessageId } from '../kernel/ids.ts';
import type { LoadedAccount } from './account-logs.ts';
import { restoreCommand } from './decide-restore.ts';
import { readExpunged } from './expunged.ts';
import type { CommitOptions, MailboxRef, RestoreResult } from './journal.ts';

export interface RestoreOptions extends CommitOptions {
  readonly target?: MailboxRef;
}

/**
 * Brings expunged messages back in one record. Their data is renewed first, so that a sweep under way leaves it alone;
 * what it has taken already cannot come back.
 */
export async function restoreMessages(
  { log, queue }: LoadedAccount,
  ids: readonly string[],
  goneSince: number,
  renew: ((messageIds: readonly MessageId[]) => Promise<readonly boolean[]>) | undefined,
  options: RestoreOptions,
): Promise<RestoreResult> {
  const expunged = await readExpunged(log, goneSince);
  const wanted = [...new Set(ids)].sort().flatMap((id) => expunged.get(id) ?? []);
  const messageIds = wanted.map(({ row }) => row.messageId);
  const isThere = wanted.length === 0 ? [] : ((await renew?.(messageIds)) ?? messageIds.map(() => true));
  const possible = wanted.filter((_, index) => isThere[index] === true);
  const restored = await queue.submit(restoreCommand(possible, options.target), {
    deadline: options.deadline,
    messageIds: possible.map(({ row }) => row.messageId),
  });
  const done = new Set(restored.map(({ id }) => id));
  return { restored, notRestored: [...new Set(ids)].filter((id) => !done.has(id)) };
}
