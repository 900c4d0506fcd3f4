import type { UserClaim } from '../accounts/index.ts';
import { crashPoint } from '../kernel/crash-point.ts';
import type { AccountId } from '../kernel/ids.ts';
import type { RestoreRooms } from './backup-rooms.ts';
import type { BackupSet } from './backup-set.ts';
import { readCatalogue, type UserLine } from './catalogue.ts';
import { closeAbandoned, storeClaimLost } from './claim-user.ts';
import type { Manifest } from './manifest.ts';
import { requireClock, restoreOrReplace } from './restore-account.ts';
import { isOpen, type RestoreOptions } from './write-log.ts';

export interface RestoreStoreOptions extends RestoreOptions {
  /** Users of the backup who are there already are passed over: what an interrupted restore has done. */
  readonly goesOn?: boolean;
  /** Called once the store says of itself that it is not whole, before anything else is written. */
  readonly whenMarked?: () => Promise<void>;
  readonly onUser?: (username: string) => void;
}

export interface RestoreReport {
  users: number;
  /** There already. */
  present: number;
  mailboxes: number;
  messages: number;
}

/** The store holds users, or half of another restore, so that a whole store cannot be restored into it. */
export class StoreNotEmpty extends Error {
  override readonly name = 'StoreNotEmpty';
}

/**
 * Restores every user of a backup into an empty store, which says of itself that it is not whole until the last user is
 * there. Each account gets a new log and new UIDVALIDITYs.
 * @throws StoreNotEmpty, DamagedObject, WrongKey, UnusableExport, MailError
 */
export async function restoreStore(
  rooms: RestoreRooms,
  set: BackupSet,
  manifest: Manifest,
  options: RestoreStoreOptions,
): Promise<RestoreReport> {
  const report: RestoreReport = { users: 0, present: 0, mailboxes: 0, messages: 0 };
  requireClock(rooms, manifest.startedAt);
  await refuseOthers(rooms, set, manifest, options);
  const storeClaim = options.isDryRun === true ? undefined : await markUnfinished(rooms, set, manifest, options);
  const own = { ...options, takesOver: true, ...(storeClaim === undefined ? {} : { storeClaim }) };
  for await (const line of readCatalogue(set, manifest.catalogue, options.onDamage)) {
    if (line.kind === 'user') await restoreLine(rooms, set, line, own, report);
    else if (options.isDryRun !== true) for (const name of line.names) await rooms.users.writeRetired(name);
  }
  crashPoint('restore.store-written');
  if (storeClaim !== undefined && !(await rooms.notes.finish(storeClaim))) throw storeClaimLost();
  return report;
}

/** @returns the claim on the store */
async function markUnfinished(
  rooms: RestoreRooms,
  set: BackupSet,
  manifest: Manifest,
  options: RestoreStoreOptions,
): Promise<string> {
  const { notes } = rooms;
  const { goesOn, until, whenMarked } = options;
  const restore = { backup: manifest.id, until };
  const running = await notes.read();
  if (running !== undefined && (goesOn !== true || running.backup !== manifest.id || running.until !== until))
    throw new StoreNotEmpty(`the store holds an unfinished restore of backup ${running.backup}`);
  const claim = running === undefined ? await notes.begin(restore) : await notes.takeOver(restore);
  if (claim === undefined) throw storeClaimLost();
  try {
    await whenMarked?.();
    // Once more: a user who was restored alone looks for the mark after the claim.
    await refuseOthers(rooms, set, manifest, options);
  } catch (error) {
    if (running === undefined) await notes.finish(claim);
    throw error;
  }
  crashPoint('restore.store-marked');
  return claim;
}

/** Users who are there, and those whom another restore is about to make. */
async function refuseOthers(
  rooms: RestoreRooms,
  set: BackupSet,
  manifest: Manifest,
  options: RestoreStoreOptions,
): Promise<void> {
  const { goesOn, isDryRun } = options;
  if (isDryRun === true) return;
  const there = new Set<string>();
  for await (const { id, username } of rooms.users.read()) {
    if (goesOn !== true)
      throw new StoreNotEmpty(`the store holds user ${username}; a whole store is restored into an empty one only`);
    there.add(id);
  }
  const coming = new Map<string, UserClaim>();
  for await (const claim of rooms.users.readClaims()) {
    if (goesOn !== true)
      throw new StoreNotEmpty(`a restore of user ${claim.username} alone is under way, or was interrupted`);
    if (!claim.isLiving) coming.set(claim.user, claim);
  }
  if (there.size === 0 && coming.size === 0) return;
  // What is damaged is told later, once.
  const passedOver = options.onDamage === undefined ? undefined : (): void => undefined;
  for await (const line of readCatalogue(set, manifest.catalogue, passedOver)) {
    if (line.kind !== 'user') continue;
    there.delete(line.id);
    coming.delete(line.id);
  }
  if (there.size > 0) throw new StoreNotEmpty('the store holds users who are not in the backup');
  // Who was to come by a restore of his own, and is not in the backup, does not come.
  for (const { user, claim } of coming.values()) {
    const abandoned = [...(claim.abandoned ?? []), claim.account] as AccountId[];
    await rooms.users.release(user, claim.id);
    await closeAbandoned(rooms, { abandoned, living: undefined });
  }
}

async function restoreLine(
  rooms: RestoreRooms,
  set: BackupSet,
  line: UserLine,
  options: RestoreStoreOptions,
  report: RestoreReport,
): Promise<void> {
  options.onUser?.(line.username);
  const present = options.isDryRun === true ? undefined : await rooms.users.find(line.id);
  if (present !== undefined && !present.isClaimed && (await isOpen(rooms, present.account))) {
    report.present += 1;
    return;
  }
  const restored = await restoreOrReplace(rooms, set, line, options);
  if (restored === undefined) return;
  report.users += 1;
  report.mailboxes += restored.mailboxes;
  report.messages += restored.messages;
}
