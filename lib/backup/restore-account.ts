import { crashPoint } from '../kernel/crash-point.ts';
import { MailError } from '../kernel/errors.ts';
import { newAccountId, type AccountId, type MessageId } from '../kernel/ids.ts';
import type { FoldedAccount } from '../journal/index.ts';
import type { RestoreRooms } from './backup-rooms.ts';
import type { BackupSet } from './backup-set.ts';
import type { UserLine } from './catalogue.ts';
import { foldAccount } from './read-account.ts';
import { restoreContent, type ContentOptions } from './restore-content.ts';

export interface RestoreOptions extends ContentOptions {
  /** The account as it was at this moment, ms since 1970; undefined: as the backup has it. */
  readonly until?: number;
}

/** What became of a user. */
export interface RestoredAccount {
  readonly username: string;
  readonly mailboxes: number;
  readonly messages: number;
  /** Addresses that are somebody else's by now. */
  readonly addressesTaken: readonly string[];
}

/**
 * Seconds. UIDVALIDITYs are drawn this far above the clock, for those that a lost store has given after its backup are
 * not known: they were at most the clock then plus what an account had drawn in haste.
 */
const MARGIN_SECONDS = 24 * 60 * 60;
const ROUNDS = 4;
const RENEWED_AT_ONCE = 10_000;

/**
 * Makes a user who is not there: content and a new log first, then names and addresses, the row last.
 * @returns undefined where nothing of the account is left to restore, which has been told as damage
 * @throws MailError `user-exists` where the name is another user's
 */
export async function restoreUser(
  rooms: RestoreRooms,
  set: BackupSet,
  line: UserLine,
  options: RestoreOptions,
): Promise<RestoredAccount | undefined> {
  const holder = await rooms.users.findByUsername(line.username);
  if (holder !== undefined && holder.id !== line.id)
    throw new MailError('user-exists', `The user name ${line.username} is another user's`);
  const above = Math.max(lowestUidValidity(rooms), await rooms.users.retiredUidValidity(line.row));
  const written = await writeLog(rooms, set, line, above, options);
  if (written === undefined) return undefined;
  const addressesTaken: string[] = [];
  if (options.isDryRun !== true) {
    for (const address of line.addresses) {
      const taken = await rooms.addresses.write(address);
      if (taken !== undefined) addressesTaken.push(taken);
    }
    crashPoint('restore.addresses-written');
    if (!(await rooms.users.write(line.row, written.account)))
      throw new MailError('user-exists', `The user name ${line.username} is another user's`);
    // Once more: whoever took the log for abandoned may have come between the look at it and the row.
    await requireOpen(rooms, line, written.account);
    await rooms.notes.forgetAccount(line.id);
    crashPoint('restore.user-written');
  }
  return { ...reportOf(line, written.folded), addressesTaken };
}

/**
 * Gives a living user the account of the backup: a new log beside the old one, which is closed before the user's row is
 * switched. What came into the account since is in the old log, which nobody sees any more. A repetition finishes what
 * was interrupted.
 */
export async function replaceAccount(
  rooms: RestoreRooms,
  set: BackupSet,
  line: UserLine,
  options: RestoreOptions,
): Promise<RestoredAccount | undefined> {
  const living = await rooms.users.find(line.id);
  if (living === undefined) throw new MailError('user-not-found', 'This user does not exist');
  let above = lowestUidValidity(rooms);
  for (let round = 0; round < ROUNDS; round += 1) {
    const written = await writeLog(rooms, set, line, above, options, living.account);
    if (written === undefined) return undefined;
    const report = { ...reportOf(line, written.folded), addressesTaken: [] };
    if (options.isDryRun === true) return report;
    const { uidValidity } = await rooms.mailboxes.closeAccount(living.account);
    crashPoint('restore.old-log-closed');
    // Drawn in haste, the old log's may have come near the new one's: then others are drawn.
    if (uidValidity > above) {
      above = uidValidity;
      continue;
    }
    if (!(await rooms.users.switchAccount(line.id, living.account, written.account)))
      throw new MailError('unavailable', 'The user was changed by somebody else meanwhile; the account is as it was');
    await rooms.mailboxes.setQuota(written.account, living.quotaOctets);
    await rooms.notes.forgetAccount(line.id);
    return report;
  }
  throw new MailError('unavailable', 'The account keeps changing');
}

interface WrittenLog {
  readonly account: AccountId;
  readonly folded: FoldedAccount;
}

async function writeLog(
  rooms: RestoreRooms,
  set: BackupSet,
  line: UserLine,
  uidValidityAbove: number,
  options: RestoreOptions,
  living?: AccountId,
): Promise<WrittenLog | undefined> {
  const folded = await foldAccount(set, line, options);
  if (folded === undefined) return undefined;
  if (folded.isClosed) {
    options.onDamage?.(`user ${line.username}: the account had been removed`);
    return undefined;
  }
  const account = newAccountId();
  if (options.isDryRun !== true) {
    await closeAbandoned(rooms, line, living);
    await rooms.notes.noteAccount(line.id, account);
  }
  const wanted = folded.messageIds();
  const missing = await restoreContent(rooms, set, line, account, wanted, options);
  folded.leaveOut(missing);
  if (options.isDryRun === true) return { account, folded };
  await rooms.journal.write(account, folded, uidValidityAbove);
  crashPoint('restore.log-written');
  const kept = [...wanted].filter((id) => !missing.has(id));
  await holdContent(rooms, set, line, account, kept);
  await requireOpen(rooms, line, account);
  return { account, folded };
}

/** Another restore of the same user, begun meanwhile, has taken the log for abandoned: no row may come to name it. */
async function requireOpen(rooms: RestoreRooms, { username }: UserLine, account: AccountId): Promise<void> {
  if (!(await isOpen(rooms, account)))
    throw new MailError('unavailable', `Another restore of user ${username} has begun meanwhile`);
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

/** The log of an interrupted restore, which no user's row names, would hold on to its content for ever. */
async function closeAbandoned(
  { notes, mailboxes }: RestoreRooms,
  { id }: UserLine,
  living: AccountId | undefined,
): Promise<void> {
  const abandoned = await notes.accountOf(id);
  if (abandoned !== undefined && abandoned !== living) await mailboxes.closeAccount(abandoned);
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

function lowestUidValidity({ clock }: RestoreRooms): number {
  return Math.floor(clock.now() / 1000) + MARGIN_SECONDS;
}

function reportOf(line: UserLine, folded: FoldedAccount): Omit<RestoredAccount, 'addressesTaken'> {
  return { username: line.username, mailboxes: folded.mailboxes.length, messages: folded.messages };
}
