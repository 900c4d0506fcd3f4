import { crashPoint } from '../kernel/crash-point.ts';
import { MailError } from '../kernel/errors.ts';
import { newAccountId, type AccountId, type MessageId } from '../kernel/ids.ts';
import type { FoldedAccount } from '../journal/index.ts';
import type { RestoreRooms } from './backup-rooms.ts';
import type { BackupSet } from './backup-set.ts';
import type { UserLine } from './catalogue.ts';
import { closeAbandoned, requireClaim, type ClaimOptions, type HeldUser } from './claim-user.ts';
import { foldAccount } from './read-account.ts';
import { restoreContent, type ContentOptions } from './restore-content.ts';

export interface RestoreOptions extends ContentOptions, ClaimOptions {
  /** The account as it was at this moment, ms since 1970; undefined: as the backup has it. */
  readonly until?: number;
}

/** How often content that vanishes is written again. */
const ROUNDS = 4;
const RENEWED_AT_ONCE = 10_000;

/**
 * Writes content and log of an account, under the log that the restore holds.
 * @param held nothing in a dry run
 * @returns undefined where nothing of the account is left
 * @throws MailError `unavailable`, also where another restore has taken this one's place
 */
export async function writeLog(
  rooms: RestoreRooms,
  set: BackupSet,
  line: UserLine,
  uidValidityAbove: number,
  options: RestoreOptions,
  held: HeldUser | undefined,
): Promise<FoldedAccount | undefined> {
  const folded = await foldAccount(set, line, options);
  if (folded === undefined) return undefined;
  if (folded.isClosed) {
    options.onDamage?.(`user ${line.username}: the account had been removed`);
    return undefined;
  }
  const wanted = folded.messageIds();
  const account = held?.account ?? newAccountId();
  const stillHeld = held === undefined ? {} : { beforeWrite: () => requireClaim(rooms, line, held) };
  const missing = await restoreContent(rooms, set, line, account, wanted, { ...options, ...stillHeld });
  folded.leaveOut(missing);
  if (held === undefined) return folded;
  await requireClaim(rooms, line, held);
  await rooms.journal.write(account, folded, uidValidityAbove);
  crashPoint('restore.log-written');
  const kept = [...wanted].filter((id) => !missing.has(id));
  await holdContent(rooms, set, line, account, kept);
  // One whose place was taken may have written its log after it had been closed.
  await closeAbandoned(rooms, held);
  await requireClaim(rooms, line, held);
  return folded;
}

/** Whether there is the log of an account, and nobody has closed it. */
export async function isOpen({ mailboxes }: RestoreRooms, account: AccountId): Promise<boolean> {
  try {
    await mailboxes.usage(account);
    return true;
  } catch (error) {
    if (error instanceof MailError && error.code === 'user-not-found') return false;
    throw error;
  }
}

/**
 * Until the log named it, a sweep may have taken some of the content for abandoned. From now on it will not, and what is
 * gone is written again.
 */
async function holdContent(
  rooms: RestoreRooms,
  set: BackupSet,
  line: UserLine,
  account: AccountId,
  messageIds: readonly MessageId[],
): Promise<void> {
  for (let round = 0; round < ROUNDS; round += 1) {
    const gone = new Set<MessageId>();
    for (let start = 0; start < messageIds.length; start += RENEWED_AT_ONCE) {
      const some = messageIds.slice(start, start + RENEWED_AT_ONCE);
      const there = await rooms.renew(account, some);
      for (const [position, id] of some.entries()) if (there[position] !== true) gone.add(id);
    }
    if (gone.size === 0) return;
    await restoreContent(rooms, set, line, account, gone, {});
  }
  throw new MailError('unavailable', 'Content that is written keeps vanishing');
}
