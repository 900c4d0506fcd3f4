import type { Collection } from 'mongodb';
import { insertIfAbsent, orTemporary, type Database } from '../db/index.ts';

/** The token itself is nowhere: whoever reads this collection can use none of them. */
export interface AccessTokenRow {
  /** SHA-256 of the token, hexadecimal. */
  readonly _id: string;
  readonly v: 1;
  readonly user: string;
  readonly authVersion: number;
  readonly createdAt: number;
  readonly expiresAt: number;
}

export interface AccessTokensCollection {
  insert(row: AccessTokenRow): Promise<boolean>;
  find(id: string): Promise<AccessTokenRow | undefined>;
  prolong(id: string, expiresAt: number): Promise<void>;
  remove(id: string): Promise<boolean>;
  /** Newest first. */
  findOf(user: string): Promise<AccessTokenRow[]>;
  removeOf(user: string): Promise<void>;
  /** The next ids in order, above `after`, not below `from` and below `to`, with their ends. */
  page(
    range: { readonly after: string; readonly from: string; readonly to: string | undefined },
    limit: number,
  ): Promise<Pick<AccessTokenRow, '_id' | 'expiresAt'>[]>;
  /** Those of the ids that have expired by then. @returns how many there were */
  removeExpired(ids: readonly string[], time: number): Promise<number>;
  ensureIndexes(): Promise<void>;
}

export function openAccessTokensCollection(database: Database): AccessTokensCollection {
  const rows: Collection<AccessTokenRow> = database.collection<AccessTokenRow>('accessTokens');
  return {
    insert: (row) => insertIfAbsent(rows, row),
    find: (id) => orTemporary(async () => (await rows.findOne({ _id: id })) ?? undefined),
    prolong: (id, expiresAt) =>
      orTemporary(async () => {
        await rows.updateOne({ _id: id }, { $set: { expiresAt } });
      }),
    remove: (id) => orTemporary(async () => (await rows.deleteOne({ _id: id })).deletedCount > 0),
    findOf: (user) => orTemporary(() => rows.find({ user }).sort({ createdAt: -1 }).toArray()),
    removeOf: (user) =>
      orTemporary(async () => {
        await rows.deleteMany({ user });
      }),
    page: ({ after, from, to }, limit) =>
      orTemporary(() =>
        rows
          .find({ _id: { $gt: after, $gte: from, ...(to !== undefined && { $lt: to }) } })
          .project<Pick<AccessTokenRow, '_id' | 'expiresAt'>>({ expiresAt: 1 })
          .sort({ _id: 1 })
          .limit(limit)
          .toArray(),
      ),
    removeExpired: (ids, time) =>
      orTemporary(
        async () => (await rows.deleteMany({ _id: { $in: [...ids] }, expiresAt: { $lte: time } })).deletedCount,
      ),
    ensureIndexes: () =>
      orTemporary(async () => {
        await rows.createIndexes([{ key: { user: 1, createdAt: -1 }, name: 'user-createdAt' }]);
      }),
  };
}
