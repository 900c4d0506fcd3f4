import { crashPoint } from '../kernel/crash-point.ts';
import type { RestoreRooms } from './backup-rooms.ts';
import type { BackupSet } from './backup-set.ts';
import { readCatalogue, type UserLine } from './catalogue.ts';
import type { Manifest } from './manifest.ts';
import { isOpen, replaceAccount, restoreUser, type RestoreOptions } from './restore-account.ts';

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
  await refuseOthers(rooms, set, manifest, options);
  if (options.isDryRun !== true) await markUnfinished(rooms, manifest, options);
  for await (const line of readCatalogue(set, manifest.catalogue)) {
    if (line.kind === 'user') await restoreLine(rooms, set, line, options, report);
    else if (options.isDryRun !== true) for (const name of line.names) await rooms.users.writeRetired(name);
  }
  crashPoint('restore.store-written');
  if (options.isDryRun !== true) await rooms.notes.finish();
  return report;
}

async function markUnfinished(
  { notes }: RestoreRooms,
  { id }: Manifest,
  { goesOn, until, whenMarked }: RestoreStoreOptions,
): Promise<void> {
  const running = await notes.read();
  if (running === undefined) await notes.begin({ backup: id, until });
  else if (goesOn !== true || running.backup !== id || running.until !== until)
    throw new StoreNotEmpty(`the store holds an unfinished restore of backup ${running.backup}`);
  try {
    await whenMarked?.();
  } catch (error) {
    if (running === undefined) await notes.withdraw({ backup: id, until });
    throw error;
  }
  crashPoint('restore.store-marked');
}

async function refuseOthers(
  { users }: RestoreRooms,
  set: BackupSet,
  manifest: Manifest,
  { goesOn, isDryRun }: RestoreStoreOptions,
): Promise<void> {
  if (isDryRun === true) return;
  const there = new Set<string>();
  for await (const { id, username } of users.read()) {
    if (goesOn !== true)
      throw new StoreNotEmpty(`the store holds user ${username}; a whole store is restored into an empty one only`);
    there.add(id);
  }
  if (there.size === 0) return;
  for await (const line of readCatalogue(set, manifest.catalogue)) if (line.kind === 'user') there.delete(line.id);
  if (there.size > 0) throw new StoreNotEmpty('the store holds users who are not in the backup');
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
  if (present !== undefined && (await isOpen(rooms, present.account))) {
    report.present += 1;
    return;
  }
  // Two restores at once may have left a row whose log one of them took for abandoned.
  const restored = await (present === undefined ? restoreUser : replaceAccount)(rooms, set, line, options);
  if (restored === undefined) return;
  report.users += 1;
  report.mailboxes += restored.mailboxes;
  report.messages += restored.messages;
}
