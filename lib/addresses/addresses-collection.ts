import type { Collection, Filter } from 'mongodb';
import { isDuplicateKey, toTemporary, type Database } from '../db/index.ts';

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
    const pattern = escapePattern(filter.substring);
    clauses.push({ $or: [{ _id: { $regex: pattern } }, { address: { $regex: pattern, $options: 'i' } }] });
  }
  if (filter.anyTag.length > 0) clauses.push({ tagKeys: { $in: [...filter.anyTag] } });
  clauses.push(...filter.allTags.map((tag) => ({ tagKeys: tag })));
  return clauses.length === 0 ? {} : { $and: clauses };
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

async function temporary<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw toTemporary(error);
  }
}

export function openAddressesCollection(database: Database): AddressesCollection {
  const rows: Collection<AddressRow> = database.collection<AddressRow>(COLLECTION);
  return {
    insert: (row) =>
      temporary(async () => {
        try {
          await rows.insertOne(row);
          return true;
        } catch (error) {
          if (isDuplicateKey(error)) return false;
          throw error;
        }
      }),
    findByView: (view) => temporary(async () => (await rows.findOne({ _id: view })) ?? undefined),
    findById: (id) => temporary(async () => (await rows.findOne({ id })) ?? undefined),
    findOf: (user) => temporary(() => rows.find({ user }).toArray()),
    page: (filter, range) =>
      temporary(() =>
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
    count: (filter) =>
      temporary(async () => {
        const answer = await database.db.command({ count: COLLECTION, query: toFilter(filter) });
        return Number(answer['n']);
      }),
    remove: (view, user) => temporary(async () => (await rows.deleteOne({ _id: view, user })).deletedCount > 0),
    ensureIndexes: () =>
      temporary(async () => {
        await rows.createIndexes([
          { key: { user: 1 }, name: 'user' },
          { key: { id: 1 }, name: 'id' },
        ]);
      }),
  };
}
