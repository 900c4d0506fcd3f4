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
  /**
   * The one restore that may give the user another log. In a row in removal: the user comes with that restore, and until
   * then nobody is there.
   */
  readonly restoring?: RestoreClaim;
}

export interface RestoreClaim {
  /** Chosen anew by every restore, and by whoever takes its place. */
  readonly id: string;
  /** The log that it writes. */
  readonly account: string;
  /** Logs of restores whose place was taken, oldest first; nobody will name them. */
  readonly abandoned?: readonly string[];
  /** The row was made for the claim, and goes with it where the restore comes to nothing. */
  readonly isNew?: true;
}

export type ClaimView = Pick<UserRow, '_id' | 'username' | 'isRemoving' | 'restoring'>;

export interface RowFilter {
  readonly substring: string | undefined;
  readonly anyTag: readonly string[];
  readonly allTags: readonly string[];
}

export type RowChange = Partial<Omit<UserRow, '_id' | 'v' | 'account' | 'authVersion' | 'isRemoving' | 'restoring'>>;

export interface UsersCollection {
  /** @returns false where the row is there already */
  insert(row: UserRow): Promise<boolean>;
  /** Rows in removal too. */
  find(id: string): Promise<UserRow | undefined>;
  /** Undefined where there is no such user, or one in removal. */
  update(id: string, change: RowChange, options: { readonly raiseAuthVersion: boolean }): Promise<UserRow | undefined>;
  /** @returns false where the row is not as it was read: claimed by another, switched, in removal, or gone */
  claim(read: UserRow, claim: RestoreClaim): Promise<boolean>;
  /** Puts the row in place of the one that a restore has claimed; it is claimed no more. @returns false as below */
  replaceClaimed(row: UserRow, claimId: string): Promise<boolean>;
  /** @returns false where there is no such user, one in removal, one with another log than `from`, or not so claimed */
  switchAccount(id: string, from: string, to: string, claimId: string): Promise<boolean>;
  /** Gives a claim up; the row of a user who was to come with that restore goes. */
  release(id: string, claimId: string): Promise<void>;
  /** What restores hold of all users, in removal or not, by id. No index tells who is held: that is asked hardly ever. */
  claims(after: string | undefined, limit: number): Promise<ClaimView[]>;
  /** Undefined where there is no row at all. */
  markRemoving(id: string): Promise<UserRow | undefined>;
  /** Leaves the row alone where a restore has given the user another log since. */
  remove({ _id, account }: Pick<UserRow, '_id' | 'account'>): Promise<void>;
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
    claim: (read, claim) =>
      orTemporary(async () => {
        const { _id, account, isRemoving, restoring } = read;
        const asRead = {
          ...{ _id, account },
          isRemoving: isRemoving === undefined ? { $exists: false } : isRemoving,
          'restoring.id': restoring === undefined ? { $exists: false } : restoring.id,
        };
        const result = await rows.updateOne(asRead, { $set: { restoring: claim } });
        return result.matchedCount === 1 || (await rows.findOne({ _id, 'restoring.id': claim.id })) !== null;
      }),
    replaceClaimed: (row, claimId) =>
      orTemporary(async () => {
        const { _id, account } = row;
        const result = await rows.replaceOne({ _id, isRemoving: true, 'restoring.id': claimId }, row);
        return result.matchedCount === 1 || (await rows.findOne({ _id, account, ...PRESENT })) !== null;
      }),
    switchAccount: (id, from, to, claimId) =>
      orTemporary(async () => {
        const result = await rows.updateOne(
          { _id: id, account: from, 'restoring.id': claimId, ...PRESENT },
          { $set: { account: to }, $unset: { restoring: '' } },
        );
        return result.matchedCount === 1 || (await rows.findOne({ _id: id, account: to, ...PRESENT })) !== null;
      }),
    release: (id, claimId) =>
      orTemporary(async () => {
        await rows.deleteOne({ _id: id, 'restoring.id': claimId, 'restoring.isNew': true });
        await rows.updateOne({ _id: id, 'restoring.id': claimId }, { $unset: { restoring: '' } });
      }),
    claims: (after, limit) =>
      orTemporary(() =>
        rows
          .find(after === undefined ? {} : { _id: { $gt: after } })
          .project<ClaimView>({ username: 1, isRemoving: 1, restoring: 1 })
          .sort({ _id: 1 })
          .limit(limit)
          .toArray(),
      ),
    markRemoving: (id) =>
      orTemporary(
        async () =>
          (await rows.findOneAndUpdate({ _id: id }, { $set: { isRemoving: true } }, { returnDocument: 'after' })) ??
          undefined,
      ),
    remove: ({ _id, account }) =>
      orTemporary(async () => {
        await rows.deleteOne({ _id, account });
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
