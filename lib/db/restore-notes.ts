import { randomBytes } from 'node:crypto';
import type { Database } from './database.ts';
import { insertIfAbsent, orTemporary } from './row-access.ts';
import {
  otherHasBegun,
  readUnfinished,
  STATE,
  UNFINISHED,
  type StateRow,
  type UnfinishedWork,
} from './unfinished-work.ts';

/** The whole-store restore that a database is in the middle of. */
export interface StoreRestore {
  readonly backup: string;
  /** Point in time, ms since 1970; undefined: as the backup has it. */
  readonly until: number | undefined;
}

/** What a restore of a whole store notes in the store that it writes. One process holds it, by a claim of its own. */
export interface RestoreNotes {
  /** Undefined where no whole store is being restored. */
  read(): Promise<StoreRestore | undefined>;
  /** @returns the claim @throws MailError `unavailable`, also where another has begun meanwhile */
  begin(restore: StoreRestore): Promise<string>;
  /** Takes the place of whoever goes on with this restore. @returns the claim, undefined where it is no more */
  takeOver(restore: StoreRestore): Promise<string | undefined>;
  isClaimedBy(claim: string): Promise<boolean>;
  /**
   * The store stands for itself; also for a restore that is refused before it has written anything else.
   * @returns false where another has taken the claim's place
   */
  finish(claim: string): Promise<boolean>;
}

export function createRestoreNotes(database: Database): RestoreNotes {
  const rows = database.collection<StateRow>(UNFINISHED);
  const bodyOf = ({ backup, until }: StoreRestore): UnfinishedWork => ({
    kind: 'restore',
    source: backup,
    ...(until === undefined ? {} : { until }),
  });
  const isClaimedBy = async (claim: string): Promise<boolean> =>
    (await rows.findOne({ _id: STATE, kind: 'restore', claim })) !== null;
  return {
    read: async () => {
      const found = await readUnfinished(database);
      return found?.kind === 'restore' ? { backup: found.source, until: found.until } : undefined;
    },
    begin: async (restore) => {
      const claim = newClaim();
      // What was tried twice finds its own first try in its way.
      if ((await insertIfAbsent(rows, { _id: STATE, ...bodyOf(restore), claim })) || (await isClaimedBy(claim)))
        return claim;
      throw otherHasBegun();
    },
    takeOver: (restore) =>
      orTemporary(async () => {
        const claim = newClaim();
        const until = restore.until ?? { $exists: false };
        await rows.updateOne({ _id: STATE, ...bodyOf(restore), until }, { $set: { claim } });
        return (await isClaimedBy(claim)) ? claim : undefined;
      }),
    isClaimedBy: (claim) => orTemporary(() => isClaimedBy(claim)),
    finish: (claim) =>
      orTemporary(async () => (await rows.deleteOne({ _id: STATE, kind: 'restore', claim })).deletedCount === 1),
  };
}

function newClaim(): string {
  return randomBytes(12).toString('hex');
}
