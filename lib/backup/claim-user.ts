import { randomBytes } from 'node:crypto';
import type { CarriedUser } from '../accounts/index.ts';
import { MailError } from '../kernel/errors.ts';
import { newAccountId, type AccountId } from '../kernel/ids.ts';
import type { RestoreRooms } from './backup-rooms.ts';
import type { UserLine } from './catalogue.ts';

export interface ClaimOptions {
  /** Takes the place of another restore of the same user, which writes nothing more from then on. */
  readonly takesOver?: boolean;
  /** Of the restore of the whole store that this one is part of. */
  readonly storeClaim?: string;
}

/** The user is another restore's, which is under way or was interrupted. */
export class RestoreUnderWay extends Error {
  override readonly name = 'RestoreUnderWay';
}

/** What the one restore that may give a user another log has in hand. */
export interface HeldUser {
  readonly id: string;
  /** The log that it writes. */
  readonly account: AccountId;
  readonly living: CarriedUser | undefined;
  /** Logs of restores whose place it takes. */
  readonly abandoned: readonly AccountId[];
}

/**
 * Claims a user for a restore, and puts right what those before it have left.
 * @param over the claim of this same restore's last try
 * @throws RestoreUnderWay, MailError `unavailable`
 */
export async function claimUser(
  rooms: RestoreRooms,
  line: UserLine,
  options: ClaimOptions,
  over?: HeldUser,
): Promise<HeldUser> {
  const account = newAccountId();
  const id = randomBytes(12).toString('hex');
  const found = await rooms.users.claim(line.row, { id, account }, options.takesOver === true ? 'any' : over?.id);
  if (found === undefined)
    throw new RestoreUnderWay(`another restore of user ${line.username} is under way, or was interrupted`);
  const held: HeldUser = { id, account, living: found.living, abandoned: found.abandoned };
  await closeAbandoned(rooms, held);
  if (found.removed !== undefined) {
    const { uidValidity } = await rooms.mailboxes.closeAccount(found.removed.account);
    await rooms.users.writeRetired({ key: found.removed.key, uidValidity });
  }
  // The claim first, then the look: who restores the whole store does it the other way round, so that one sees the other.
  await requireStore(rooms, options).catch(async (error: unknown) => {
    await rooms.users.release(line.id, id);
    throw error;
  });
  return held;
}

/** @throws MailError `unavailable` where another restore has taken this one's place, or the user was removed */
export async function requireClaim({ users }: RestoreRooms, { id, username }: UserLine, held: HeldUser): Promise<void> {
  if (!(await users.isClaimedBy(id, held.id))) throw claimLost(username);
}

export function claimLost(username: string): MailError {
  return new MailError(
    'unavailable',
    `Another restore of user ${username} has taken this one's place, or the user was removed meanwhile`,
  );
}

/** Nobody has come to name the log: it holds on to no content, and whoever comes next need not take anybody's place. */
export async function giveUp({ users, mailboxes }: RestoreRooms, line: UserLine, held: HeldUser): Promise<void> {
  await mailboxes.closeAccount(held.account);
  await users.release(line.id, held.id);
}

/** Logs that no user's row names would hold on to their content for ever. */
export async function closeAbandoned(
  { mailboxes }: Pick<RestoreRooms, 'mailboxes'>,
  { abandoned, living }: Pick<HeldUser, 'abandoned' | 'living'>,
): Promise<void> {
  for (const account of abandoned) if (account !== living?.account) await mailboxes.closeAccount(account);
}

async function requireStore({ notes }: RestoreRooms, { storeClaim }: ClaimOptions): Promise<void> {
  if (storeClaim !== undefined) {
    if (!(await notes.isClaimedBy(storeClaim))) throw storeClaimLost();
    return;
  }
  const whole = await notes.read();
  if (whole !== undefined)
    throw new RestoreUnderWay(`a restore of the whole store, of backup ${whole.backup}, is under way`);
}

export function storeClaimLost(): MailError {
  return new MailError('unavailable', "Another restore of this store has taken this one's place");
}
