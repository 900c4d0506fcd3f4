import type { Collection } from '../catalog/collection.ts';
import { documentValue, fieldNamed, type Value } from '../bson/value.ts';
import { matches } from '../query/match.ts';
import type { MatchDetails } from '../query/paths.ts';
import { QueryStream, type Query } from '../plan/query-stream.ts';
import type { StoredDocument } from '../plan/scan.ts';
import { applyUpdate, applyUpsert, type Update } from '../update/apply.ts';
import { timeCheck, type Context } from './context.ts';
import { newObjectId } from './object-id.ts';
import { prepared } from './insert.ts';
import type { Request } from './request.ts';
import { checkScan } from './scan-limit.ts';

/** The first document of a query. */
export function findFirst(
  context: Context,
  request: Request,
  collection: Collection,
  query: Query,
): StoredDocument | undefined {
  const stream = new QueryStream(context.store, collection, { ...query, limit: 1 });
  const found = stream.next(timeCheck(context, request));
  checkScan(context, collection, stream);
  return found;
}

/** The keys of all documents of a query: gathered before the first is changed, so that no change is met again. */
export function findKeys(context: Context, request: Request, collection: Collection, query: Query): Buffer[] {
  const stream = new QueryStream(context.store, collection, query);
  const checkTime = timeCheck(context, request);
  const keys: Buffer[] = [];
  for (let found = stream.next(checkTime); found !== undefined; found = stream.next(checkTime)) keys.push(found.key);
  checkScan(context, collection, stream);
  return keys;
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
