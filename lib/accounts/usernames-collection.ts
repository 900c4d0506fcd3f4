import type { Collection } from 'mongodb';
import { insertIfAbsent, orTemporary, type Database } from '../db/index.ts';

/** Reserves a name for a user id; only the user's row makes it a user. Unique by `_id`, so that it shards. */
export interface UsernameRow {
  /** The name as `usernameKey` gives it. */
  readonly _id: string;
  readonly v: 1;
  readonly user: string;
  readonly account: string;
}

export interface UsernamesCollection {
  /** @returns false where the name is reserved */
  insert(row: UsernameRow): Promise<boolean>;
  find(key: string): Promise<UsernameRow | undefined>;
  /** Frees the name if it still names the user. */
  remove(key: string, user: string): Promise<void>;
}

export function openUsernamesCollection(database: Database): UsernamesCollection {
  const rows: Collection<UsernameRow> = database.collection<UsernameRow>('usernames');
  return {
    insert: (row) => insertIfAbsent(rows, row),
    find: (key) => orTemporary(async () => (await rows.findOne({ _id: key })) ?? undefined),
    remove: (key, user) =>
      orTemporary(async () => {
        await rows.deleteOne({ _id: key, user });
      }),
  };
}
