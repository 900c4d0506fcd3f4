import type { Document } from 'mongodb';
import type { AccountId, UserId } from '../kernel/ids.ts';
import type { Database } from './database.ts';
import { orTemporary } from './row-access.ts';
import { beginWork, finishWork, readUnfinished, UNFINISHED, withdrawWork } from './unfinished-work.ts';

/** The whole-store restore that a database is in the middle of. */
export interface StoreRestore {
  readonly backup: string;
  /** Point in time, ms since 1970; undefined: as the backup has it. */
  readonly until: number | undefined;
}

/** What restores note in the store that they write, so that whoever comes after an interruption can put it right. */
export interface RestoreNotes {
  /** Undefined where no whole store is being restored. */
  read(): Promise<StoreRestore | undefined>;
  begin(restore: StoreRestore): Promise<void>;
  finish(): Promise<void>;
  /** Takes back what `begin` noted, before anything else is written; notes about users stay. */
  withdraw(restore: StoreRestore): Promise<void>;
  /** The log that a restore of this user writes, or wrote when it was interrupted. */
  accountOf(user: UserId): Promise<AccountId | undefined>;
  noteAccount(user: UserId, account: AccountId): Promise<void>;
  forgetAccount(user: UserId): Promise<void>;
}

interface AccountRow extends Document {
  readonly _id: string;
  readonly account: string;
}

export function createRestoreNotes(database: Database): RestoreNotes {
  const rows = database.collection<AccountRow>(UNFINISHED);
  const keyOf = (user: UserId): string => `restore:${user}`;
  return {
    read: async () => {
      const found = await readUnfinished(database);
      return found?.kind === 'restore' ? { backup: found.source, until: found.until } : undefined;
    },
    begin: ({ backup, until }) =>
      beginWork(database, { kind: 'restore', source: backup, ...(until === undefined ? {} : { until }) }),
    finish: () => finishWork(database),
    withdraw: ({ backup }) => withdrawWork(database, { kind: 'restore', source: backup }),
    accountOf: (user) =>
      orTemporary(async () => (await rows.findOne({ _id: keyOf(user) }))?.account as AccountId | undefined),
    noteAccount: (user, account) =>
      orTemporary(async () => {
        await rows.updateOne({ _id: keyOf(user) }, { $set: { account } }, { upsert: true });
      }),
    forgetAccount: (user) =>
      orTemporary(async () => {
        await rows.deleteOne({ _id: keyOf(user) });
      }),
  };
}
