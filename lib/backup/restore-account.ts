import { crashPoint } from '../kernel/crash-point.ts';
import { MailError } from '../kernel/errors.ts';
import type { FoldedAccount } from '../journal/index.ts';
import type { RestoreRooms } from './backup-rooms.ts';
import type { BackupSet } from './backup-set.ts';
import type { UserLine } from './catalogue.ts';
import { claimLost, claimUser, giveUp, requireClaim, type HeldUser } from './claim-user.ts';
import { writeLog, type RestoreOptions } from './write-log.ts';

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
/** How far the clocks of who backs up and who restores may be apart, in milliseconds. */
const CLOCKS_APART_MS = 60 * 60_000;
const ROUNDS = 4;

/**
 * Makes a user who is not there: content and a new log first, then names and addresses, the row last.
 * @returns undefined where nothing of the account is left to restore, which has been told as damage
 * @throws RestoreUnderWay, MailError `user-exists` where the name is another user's, `unavailable` where the user is there
 *   by now
 */
export async function restoreUser(
  rooms: RestoreRooms,
  set: BackupSet,
  line: UserLine,
  options: RestoreOptions,
): Promise<RestoredAccount | undefined> {
  await requireName(rooms, line);
  return underClaim(rooms, line, options, (held) => {
    if (held?.living !== undefined) throw new MailError('unavailable', `The user ${line.username} is there by now`);
    return makeUser(rooms, set, line, options, held);
  });
}

/**
 * Gives a living user the account of the backup: a new log beside the old one, which is closed before the user's row is
 * switched. What came into the account since is in the old log, which nobody sees any more.
 * @throws RestoreUnderWay, MailError `user-not-found`, `unavailable`
 */
export async function replaceAccount(
  rooms: RestoreRooms,
  set: BackupSet,
  line: UserLine,
  options: RestoreOptions,
): Promise<RestoredAccount | undefined> {
  return underClaim(rooms, line, options, async (held) => {
    if (held === undefined) await requireLiving(rooms, line);
    else if (held.living === undefined) throw noUser();
    return switchOver(rooms, set, line, options, held);
  });
}

/** Makes the user, or replaces the account, as there is somebody or not. */
export async function restoreOrReplace(
  rooms: RestoreRooms,
  set: BackupSet,
  line: UserLine,
  options: RestoreOptions,
): Promise<RestoredAccount | undefined> {
  await requireName(rooms, line);
  return underClaim(rooms, line, options, (held) =>
    (held?.living === undefined ? makeUser : switchOver)(rooms, set, line, options, held),
  );
}

/** What a restore has in hand, of which a row may come to name the log. */
interface Held extends HeldUser {
  /** From here on the log may be named, or the old one closed: only who takes the place knows by looking. */
  isDecided: boolean;
}

/** @param run is handed nothing in a dry run, which claims nobody */
async function underClaim<T>(
  rooms: RestoreRooms,
  line: UserLine,
  options: RestoreOptions,
  run: (held: Held | undefined) => Promise<T>,
): Promise<T> {
  requireClock(rooms, line.at);
  if (options.isDryRun === true) return run(undefined);
  const held: Held = { ...(await claimUser(rooms, line, options)), isDecided: false };
  try {
    return await run(held);
  } catch (error) {
    // What this fails at is left to who takes the place.
    if (!held.isDecided) await giveUp(rooms, line, held).catch(() => undefined);
    throw error;
  }
}

async function makeUser(
  rooms: RestoreRooms,
  set: BackupSet,
  line: UserLine,
  options: RestoreOptions,
  held: Held | undefined,
): Promise<RestoredAccount | undefined> {
  const above = Math.max(lowestUidValidity(rooms), await rooms.users.retiredUidValidity(line.row));
  const folded = await writeLog(rooms, set, line, above, options, held);
  if (folded === undefined) return leaveOut(rooms, line, held);
  const report = reportOf(line, folded);
  if (held === undefined) return { ...report, addressesTaken: [] };
  const addressesTaken: string[] = [];
  for (const address of line.addresses) {
    const taken = await rooms.addresses.write(address);
    if (taken !== undefined) addressesTaken.push(taken);
  }
  crashPoint('restore.addresses-written');
  held.isDecided = true;
  const outcome = await rooms.users.write(line.row, held);
  held.isDecided = outcome === 'written';
  if (outcome === 'name-taken') throw nameTaken(line);
  if (outcome === 'claim-lost') throw claimLost(line.username);
  crashPoint('restore.user-written');
  return { ...report, addressesTaken };
}

async function switchOver(
  rooms: RestoreRooms,
  set: BackupSet,
  line: UserLine,
  options: RestoreOptions,
  first: Held | undefined,
): Promise<RestoredAccount | undefined> {
  let above = lowestUidValidity(rooms);
  let held = first;
  for (let round = 0; round < ROUNDS; round += 1) {
    const folded = await writeLog(rooms, set, line, above, options, held);
    if (folded === undefined) return leaveOut(rooms, line, held);
    const report = { ...reportOf(line, folded), addressesTaken: [] };
    if (held?.living === undefined) return report;
    await rooms.mailboxes.setQuota(held.account, held.living.quotaOctets);
    await requireClaim(rooms, line, held);
    if (first !== undefined) first.isDecided = true;
    const { uidValidity } = await rooms.mailboxes.closeAccount(held.living.account);
    crashPoint('restore.old-log-closed');
    // Drawn in haste, the old log's may have come near the new one's: then others are drawn.
    if (uidValidity > above) {
      above = uidValidity;
      held = { ...(await claimUser(rooms, line, options, held)), isDecided: true };
      continue;
    }
    if (!(await rooms.users.switchAccount(line.id, held.living.account, held))) {
      await rooms.mailboxes.closeAccount(held.account);
      throw claimLost(line.username);
    }
    await keepQuota(rooms, line, held);
    return report;
  }
  throw new MailError('unavailable', 'The account keeps changing');
}

/** The quota may have been changed while the log was written. */
async function keepQuota(
  { users, mailboxes }: RestoreRooms,
  { id }: UserLine,
  { account, living }: Held,
): Promise<void> {
  const now = await users.find(id);
  if (now?.account === account && now.quotaOctets !== living?.quotaOctets)
    await mailboxes.setQuota(account, now.quotaOctets);
}

async function leaveOut(rooms: RestoreRooms, line: UserLine, held: Held | undefined): Promise<undefined> {
  if (held !== undefined) await giveUp(rooms, line, held);
  return undefined;
}

async function requireName({ users }: RestoreRooms, line: UserLine): Promise<void> {
  const holder = await users.findByUsername(line.username);
  if (holder !== undefined && holder.id !== line.id) throw nameTaken(line);
}

async function requireLiving({ users }: RestoreRooms, { id }: UserLine): Promise<void> {
  if ((await users.find(id)) === undefined) throw noUser();
}

function nameTaken({ username }: UserLine): MailError {
  return new MailError('user-exists', `The user name ${username} is another user's`);
}

function noUser(): MailError {
  return new MailError('user-not-found', 'This user does not exist');
}

/**
 * What the lost store has given after its backup is below a clock that is right, and nothing is known of a wrong one.
 * @param at when the backup was made, ms since 1970
 * @throws MailError `unavailable`
 */
export function requireClock({ clock }: RestoreRooms, at: number): void {
  if (clock.now() >= at - CLOCKS_APART_MS) return;
  const [here, there] = [clock.now(), at].map((time) => new Date(time).toISOString());
  throw new MailError(
    'unavailable',
    `The clock here says ${here ?? ''}, before the backup, of ${there ?? ''}: new UIDVALIDITYs lie above the clock, so ` +
      'that none is given twice; set the clock first',
  );
}

function lowestUidValidity({ clock }: RestoreRooms): number {
  return Math.floor(clock.now() / 1000) + MARGIN_SECONDS;
}

function reportOf(line: UserLine, folded: FoldedAccount): Omit<RestoredAccount, 'addressesTaken'> {
  return { username: line.username, mailboxes: folded.mailboxes.length, messages: folded.messages };
}
