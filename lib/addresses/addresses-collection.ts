import type { Collection, Filter } from 'mongodb';
import { countRows, insertIfAbsent, literalPattern, orTemporary, type Database } from '../db/index.ts';

/** One row an address. Unique by `_id`, so that the collection shards by it. */
export interface AddressRow {
  /** Normalised address. */
  readonly _id: string;
  readonly v: 1;
  readonly id: string;
  readonly address: string;
  readonly user: string;
  readonly name: string;
  readonly tags: readonly string[];
  /** Lower case, for looking up. */
  readonly tagKeys: readonly string[];
  /** JSON text: keys that strangers choose never become fields. */
  readonly metaData: string;
  readonly internalData: string;
  readonly createdAt: number;
}

export interface RowFilter {
  readonly substring: string | undefined;
  readonly anyTag: readonly string[];
  readonly allTags: readonly string[];
}

export interface AddressesCollection {
  /** @returns false where the `_id` is taken */
  insert(row: AddressRow): Promise<boolean>;
  findByView(view: string): Promise<AddressRow | undefined>;
  findById(id: string): Promise<AddressRow | undefined>;
  findOf(user: string): Promise<AddressRow[]>;
  page(
    filter: RowFilter,
    range: { readonly after?: string; readonly before?: string; readonly limit: number },
  ): Promise<AddressRow[]>;
  count(filter: RowFilter): Promise<number>;
  /** Removes the row if it still belongs to the user. */
  remove(view: string, user: string): Promise<boolean>;
  ensureIndexes(): Promise<void>;
}

const COLLECTION = 'addresses';

function toFilter(filter: RowFilter, bound: { readonly $gt?: string; readonly $lt?: string } = {}): Filter<AddressRow> {
  const clauses: Filter<AddressRow>[] = [];
  if (bound.$gt !== undefined || bound.$lt !== undefined) clauses.push({ _id: bound });
  if (filter.substring !== undefined) {
    const pattern = literalPattern(filter.substring);
    clauses.push({ $or: [{ _id: { $regex: pattern } }, { address: { $regex: pattern, $options: 'i' } }] });
  }
  if (filter.anyTag.length > 0) clauses.push({ tagKeys: { $in: [...filter.anyTag] } });
  clauses.push(...filter.allTags.map((tag) => ({ tagKeys: tag })));
  return clauses.length === 0 ? {} : { $and: clauses };
}

export function openAddressesCollection(database: Database): AddressesCollection {
  const rows: Collection<AddressRow> = database.collection<AddressRow>(COLLECTION);
  return {
    insert: (row) => insertIfAbsent(rows, row),
    findByView: (view) => orTemporary(async () => (await rows.findOne({ _id: view })) ?? undefined),
    findById: (id) => orTemporary(async () => (await rows.findOne({ id })) ?? undefined),
    findOf: (user) => orTemporary(() => rows.find({ user }).toArray()),
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
    remove: (view, user) => orTemporary(async () => (await rows.deleteOne({ _id: view, user })).deletedCount > 0),
    ensureIndexes: () =>
      orTemporary(async () => {
        await rows.createIndexes([
          { key: { user: 1 }, name: 'user' },
          { key: { id: 1 }, name: 'id' },
        ]);
      }),
  };
}
