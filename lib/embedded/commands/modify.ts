import type { Collection } from '../catalog/collection.ts';
import { documentValue, fieldNamed, type Value } from '../bson/value.ts';
import { matches } from '../query/match.ts';
import type { MatchDetails } from '../query/paths.ts';
import { QueryStream, type Query } from '../plan/query-stream.ts';
import type { StoredDocument } from '../plan/scan.ts';
import { PAUSED, type Slice, type Work } from '../plan/slice.ts';
import { applyUpdate, applyUpsert, type Update } from '../update/apply.ts';
import { wholeSlice, type Context, type ReadAhead } from './context.ts';
import { newObjectId } from './object-id.ts';
import { prepared } from './insert.ts';
import type { Request } from './request.ts';

/** The first document of a query, found in one step. */
export function findFirst(
  context: Context,
  request: Request,
  collection: Collection,
  query: Query,
): StoredDocument | undefined {
  const stream = new QueryStream(context, collection, { ...query, limit: 1 });
  const found = atOnce(stream.next(wholeSlice(context, request)));
  context.scans.check(collection, query, stream);
  stream.close();
  return found;
}

/** A slice without an end is never over. */
function atOnce<T>(result: T | typeof PAUSED): T {
  if (result === PAUSED) throw new Error('a pause where there is nobody to go on');
  return result;
}

/** The keys of all documents of a query: gathered before the first is changed, so that no change is met again. */
export function findKeys(context: Context, request: Request, collection: Collection, query: Query): ReadAhead {
  const work = keysOf(context, collection, query, wholeSlice(context, request));
  const { value, done } = work.next();
  if (done !== true) throw new Error('a pause where there is nobody to go on');
  return value;
}

/**
 * Gathers the keys of all documents of a query in slices. What is changed meanwhile may be among them or not, and no
 * longer match: it has to be looked at again.
 * @returns undefined where the query is answered by so few keys that it is not worth it
 */
export function gatherKeys(
  context: Context,
  collection: Collection,
  query: Query,
  slice: Slice,
): Work<ReadAhead> | undefined {
  const stream = new QueryStream(context, collection, query);
  const isShort = stream.plan.arePoints;
  stream.close();
  return isShort ? undefined : keysOf(context, collection, query, slice);
}

function* keysOf(context: Context, collection: Collection, query: Query, slice: Slice): Work<ReadAhead> {
  const stream = new QueryStream(context, collection, query);
  const holding = context.memory.hold();
  // While slices pass, a document may move ahead in its index and be met again.
  const keys = new Map<string, Buffer>();
  try {
    for (let found = stream.next(slice); found !== undefined; found = stream.next(slice)) {
      if (found === PAUSED) {
        yield;
        continue;
      }
      holding.add(found.key.length * 2 + 100);
      keys.set(found.key.toString('latin1'), found.key);
    }
    context.scans.check(collection, query, stream);
    return [...keys.values()];
  } finally {
    stream.close();
    holding.release();
  }
}

/** @returns the document after the update, the same octets where nothing changed */
export function updateOne(
  context: Context,
  collection: Collection,
  query: Query,
  update: Update,
  found: StoredDocument,
): Buffer {
  const document = documentValue(found.octets);
  const details: MatchDetails = {};
  if (update.kind === 'operators' && update.isPositional) matches(query.filter, document, details);
  const after = applyUpdate(update, document, details.position);
  if (after.equals(found.octets)) return found.octets;
  context.records.replace(collection, found.key, found.octets, after);
  return after;
}

/** Inserts what an upsert makes of its filter and update. @returns the document */
export function upsert(context: Context, collection: Collection, query: Query, update: Update): Buffer {
  const made = applyUpsert(update, query.filter, () => newObjectId(context.clock.now()));
  const document = prepared(context, documentValue(made));
  context.records.insert(collection, document);
  return document;
}

export function idIn(document: Buffer): Value | undefined {
  return fieldNamed(documentValue(document), '_id');
}
