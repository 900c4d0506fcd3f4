import type { Collection, Filter, UpdateFilter } from 'mongodb';
import { countRows, insertIfAbsent, literalPattern, orTemporary, type Database } from '../db/index.ts';

/** The row that makes a user; written last, removed last. */
export interface UserRow {
  /** 24 hexadecimal digits. */
  readonly _id: string;
  readonly v: 1;
  readonly account: string;
  readonly username: string;
  readonly usernameKey: string;
  readonly name: string;
  readonly address: string;
  readonly quota: number;
  readonly isDisabled: boolean;
  readonly isSuspended: boolean;
  readonly disabledScopes: readonly string[];
  readonly passwordHash: string | null;
  readonly language: string;
  readonly tags: readonly string[];
  /** Lower case, for looking up. */
  readonly tagKeys: readonly string[];
  readonly createdAt: number;
  /** JSON text: keys that strangers choose never become fields. */
  readonly metaData: string;
  readonly internalData: string;
  readonly authVersion: number;
  /** Set once, when removal begins: from then on nobody is there. */
  readonly isRemoving?: true;
}

export interface RowFilter {
  readonly substring: string | undefined;
  readonly anyTag: readonly string[];
  readonly allTags: readonly string[];
}

export type RowChange = Partial<Omit<UserRow, '_id' | 'v' | 'account' | 'authVersion' | 'isRemoving'>>;

export interface UsersCollection {
  /** @returns false where the row is there already */
  insert(row: UserRow): Promise<boolean>;
  /** Rows in removal too. */
  find(id: string): Promise<UserRow | undefined>;
  /** Undefined where there is no such user, or one in removal. */
  update(id: string, change: RowChange, options: { readonly raiseAuthVersion: boolean }): Promise<UserRow | undefined>;
  /** @returns false where there is no such user, one in removal, or one with another log than `from` */
  switchAccount(id: string, from: string, to: string): Promise<boolean>;
  /** Undefined where there is no row at all. */
  markRemoving(id: string): Promise<UserRow | undefined>;
  remove(id: string): Promise<void>;
  page(
    filter: RowFilter,
    range: { readonly after?: string; readonly before?: string; readonly limit: number },
  ): Promise<UserRow[]>;
  count(filter: RowFilter): Promise<number>;
}

const COLLECTION = 'users';
const PRESENT = { isRemoving: { $ne: true } } as const;

function toFilter(filter: RowFilter, bound: { readonly $gt?: string; readonly $lt?: string } = {}): Filter<UserRow> {
  const clauses: Filter<UserRow>[] = [PRESENT];
  if (bound.$gt !== undefined || bound.$lt !== undefined) clauses.push({ _id: bound });
  if (filter.substring !== undefined) {
    const pattern = { $regex: literalPattern(filter.substring), $options: 'i' };
    clauses.push({ $or: [{ username: pattern }, { address: pattern }] });
  }
  if (filter.anyTag.length > 0) clauses.push({ tagKeys: { $in: [...filter.anyTag] } });
  clauses.push(...filter.allTags.map((tag) => ({ tagKeys: tag })));
  return { $and: clauses };
}

export function openUsersCollection(database: Database): UsersCollection {
  const rows: Collection<UserRow> = database.collection<UserRow>(COLLECTION);
  return {
    insert: (row) => insertIfAbsent(rows, row),
    find: (id) => orTemporary(async () => (await rows.findOne({ _id: id })) ?? undefined),
    update: (id, change, { raiseAuthVersion }) =>
      orTemporary(async () => {
        const update: UpdateFilter<UserRow> = { $set: change, ...(raiseAuthVersion && { $inc: { authVersion: 1 } }) };
        return (await rows.findOneAndUpdate({ _id: id, ...PRESENT }, update, { returnDocument: 'after' })) ?? undefined;
      }),
    switchAccount: (id, from, to) =>
      orTemporary(async () => {
        const result = await rows.updateOne({ _id: id, account: from, ...PRESENT }, { $set: { account: to } });
        return result.matchedCount === 1 || (await rows.findOne({ _id: id, account: to })) !== null;
      }),
    markRemoving: (id) =>
      orTemporary(
        async () =>
          (await rows.findOneAndUpdate({ _id: id }, { $set: { isRemoving: true } }, { returnDocument: 'after' })) ??
          undefined,
      ),
    remove: (id) =>
      orTemporary(async () => {
        await rows.deleteOne({ _id: id });
      }),
    page: (filter, range) =>
      orTemporary(() =>
        rows
          .find(
            toFilter(filter, {
              ...(range.after !== undefined && { $gt: range.after }),
              ...(range.before !== undefined && { $lt: range.before }),
            }),
          )
          .sort({ _id: range.before === undefined ? 1 : -1 })
          .limit(range.limit)
          .toArray(),
      ),
    count: (filter) => countRows(rows, toFilter(filter)),
  };
}
