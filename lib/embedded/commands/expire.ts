import { dateValue } from '../bson/write.ts';
import { documentValue } from '../bson/value.ts';
import type { Collection, Index } from '../catalog/collection.ts';
import { matches } from '../query/match.ts';
import { planQuery } from '../plan/planner.ts';
import { PASSED, Scan, type StoredDocument } from '../plan/scan.ts';
import type { Work } from '../plan/slice.ts';
import type { Filter } from '../query/filter.ts';
import { parsePath } from '../query/paths.ts';
import type { Context } from './context.ts';

/** So many documents are deleted with one commit, of which others have their part. */
const BATCH = 100;

/** Deletes what the collection's TTL indexes say has expired, in batches; each step is one. */
export function* expireDocuments(context: Context, database: string, name: string): Work<void> {
  for (let index = nextIndex(context, database, name, 0); index !== undefined;) {
    const id = index.id;
    let deleted = 0;
    for (let count = BATCH; count === BATCH; deleted += count) {
      // Between two batches the collection may go, and the index change.
      const collection = context.catalog.find(database, name);
      const current = collection?.indexes.find((one) => one.id === id);
      if (collection === undefined || current?.expireAfterSeconds === undefined) break;
      count = expireBatch(context, collection, current, current.expireAfterSeconds);
      if (count > 0) yield;
    }
    if (deleted > 0) context.logger.info({ namespace: `${database}.${name}`, deleted }, 'expired documents deleted');
    index = nextIndex(context, database, name, id);
  }
}

function nextIndex(context: Context, database: string, name: string, behind: number): Index | undefined {
  const collection = context.catalog.find(database, name);
  return collection?.indexes.find(({ id, expireAfterSeconds }) => id > behind && expireAfterSeconds !== undefined);
}

/** @returns how many were deleted */
function expireBatch(context: Context, collection: Collection, index: Index, seconds: number): number {
  const filter = expiredBy(context, index, seconds);
  if (filter === undefined) return 0;
  // The plan for the documents of this index only: those that are not in it never expire.
  const plan = planQuery({ ...collection, indexes: [{ ...index, partial: undefined }] }, filter, [], index.name);
  const scan = new Scan(context.store, collection, plan, BATCH);
  const found: StoredDocument[] = [];
  for (let next = scan.next(); next !== undefined && found.length < BATCH; next = scan.next()) {
    if (next !== PASSED && matches(filter, documentValue(next.octets))) found.push(next);
  }
  for (const { key, octets } of found) context.records.delete(collection, key, octets);
  return found.length;
}

/** Any date of an array will do, for then the earliest is one. Other values than dates never expire. */
function expiredBy(context: Context, index: Index, seconds: number): Filter | undefined {
  const [field] = index.fields;
  if (field === undefined) return undefined;
  const value = dateValue(context.clock.now() - seconds * 1000);
  const predicate = { kind: 'compare', operator: '$lte', value } as const;
  return { kind: 'field', name: field.path, path: parsePath(field.path), condition: { kind: 'is', predicate } };
}
