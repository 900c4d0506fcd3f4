import { readUnfinished, type Database, type UnfinishedWork } from '../lib/db/index.ts';
import { CommandError } from './command-error.ts';

/**
 * A database that a migration or a restore has not finished lacks users, of whom a server would say that they do not exist.
 * @param allowed what the caller goes on with
 * @throws CommandError
 */
export async function refuseUnfinished(database: Database, allowed?: UnfinishedWork['kind']): Promise<void> {
  const found = await readUnfinished(database);
  if (found === undefined || found.kind === allowed) return;
  throw new CommandError(
    found.kind === 'migration'
      ? 'this database holds an unfinished migration: run the same eider migrate again until it says that both sides ' +
          'are the same, without --online at last; or begin anew with an empty database; where the source is lost: ' +
          'eider fsck --accept-migration'
      : `this store holds an unfinished restore of backup ${found.source}: run eider restore with --resume until it ` +
          'is done; or begin anew with an empty store',
  );
}
