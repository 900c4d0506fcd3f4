import { documentPrefix } from '../catalog/keyspace.ts';
import {
  newIndex,
  ownCopy,
  describeIndex,
  type Collection,
  type Index,
  type IndexOptions,
} from '../catalog/collection.ts';
import { wholeRange } from '../catalog/keyspace.ts';
import { DuplicateKeyError } from '../catalog/records.ts';
import { numericOf, toDouble } from '../bson/number.ts';
import { BsonType, isNumeric } from '../bson/types.ts';
import { entriesOf, intOf, stringOf, type Value } from '../bson/value.ts';
import { DocumentWriter } from '../bson/write.ts';
import { EngineError, UnsupportedError } from '../errors/failure.ts';
import type { Condition, Filter } from '../query/filter.ts';
import { parseFilter } from '../query/parse.ts';
import { PASSED, Scan } from '../plan/scan.ts';
import type { Slice, Work } from '../plan/slice.ts';
import { firstBatch } from './batch.ts';
import { wholeSlice, type Context, type ReadCommand, type WriteCommand } from './context.ts';
import { EMPTY_SOURCE } from './find.ts';
import { checkCollation } from './hint.ts';
import { collectionFor } from './insert.ts';
import { checkOptions, Options, ownerOf, statementsOf, type Request } from './request.ts';

const INDEX_OPTIONS = new Set([
  'key',
  'name',
  'unique',
  'sparse',
  'partialFilterExpression',
  'background',
  'v',
  'collation',
  'hidden',
  'expireAfterSeconds',
  'ns',
]);
const MAX_INDEXES = 64;
const MAX_EXPIRY_SECONDS = 2_147_483_647;

export const createIndexesCommand: WriteCommand = {
  writes: true,
  run: (context, request) => {
    checkOptions(request, ['indexes', 'commitQuorum']);
    const wanted = statementsOf(request, 'indexes').map(parseIndex);
    const isNew = context.catalog.find(request.database, request.options.requiredText('createIndexes')) === undefined;
    const collection = collectionFor(context, request, 'createIndexes');
    const before = collection.indexes.length + 1;
    // A duplicate key in what is there already fails the whole command, and the savepoint takes all of it back.
    for (const options of wanted) create(context, request, collection, options);
    const after = collection.indexes.length + 1;
    const writer = new DocumentWriter().int('numIndexesBefore', before).int('numIndexesAfter', after);
    writer.bool('createdCollectionAutomatically', isNew);
    if (before === after) writer.string('note', 'all indexes already exist');
    return writer.double('ok', 1).finish();
  },
};

function parseIndex(document: Value): IndexOptions {
  const options = new Options(document, 'createIndexes.indexes');
  options.allow(INDEX_OPTIONS);
  checkCollation(options);
  if (options.bool('hidden') === true) throw new UnsupportedError(115, 'A hidden index');
  const key = options.document('key');
  if (key === undefined) throw new EngineError(9, 'The key of an index is missing');
  const fields = entriesOf(key).map(([path, direction]) => parseIndexField(path, direction));
  if (fields.length === 0) throw new EngineError(67, 'Index keys cannot be empty.');
  if (fields.length > 32) throw new EngineError(67, 'An index has at most 32 fields');
  if (new Set(fields.map(({ path }) => path)).size < fields.length)
    throw new EngineError(67, 'An index names a field twice');
  const partial = ownCopy(options.document('partialFilterExpression'));
  if (partial !== undefined) checkPartial(parseFilter(partial));
  const isSparse = options.bool('sparse') ?? false;
  if (isSparse && partial !== undefined)
    throw new EngineError(67, 'cannot mix "partialFilterExpression" and "sparse" options');
  const name =
    options.text('name') ?? fields.map(({ path, isDescending }) => `${path}_${isDescending ? -1 : 1}`).join('_');
  if (name === '' || name === '*') throw new EngineError(67, `'${name}' is not a name for an index`);
  const expireAfterSeconds = readExpiry(options);
  if (expireAfterSeconds !== undefined && fields.length > 1) {
    throw new EngineError(67, 'TTL indexes are single-field indexes, compound indexes do not support TTL');
  }
  return { name, fields, isUnique: options.bool('unique') ?? false, isSparse, partial, expireAfterSeconds };
}

/** @throws EngineError 67 for what is no number of seconds within MongoDB's bounds */
export function readExpiry(options: Options): number | undefined {
  const given = options.get('expireAfterSeconds');
  if (given === undefined) return undefined;
  const seconds = isNumeric(given.type) ? toDouble(numericOf(given)) : NaN;
  if (!(seconds >= 0 && seconds <= MAX_EXPIRY_SECONDS)) {
    throw new EngineError(67, `TTL index 'expireAfterSeconds' must be within 0 and ${MAX_EXPIRY_SECONDS}`);
  }
  return Math.trunc(seconds);
}

function parseIndexField(path: string, direction: Value): { path: string; isDescending: boolean } {
  if (direction.type === BsonType.string) throw new UnsupportedError(115, `An index of type ${stringOf(direction)}`);
  const number = isNumeric(direction.type) ? toDouble(numericOf(direction)) : NaN;
  if (Number.isNaN(number) || number === 0)
    throw new EngineError(67, `Values in the index key pattern cannot be ${number}`);
  const names = path.split('.');
  if (names.includes('')) throw new EngineError(67, 'Index keys cannot contain an empty field.');
  if (names.some((name) => name.startsWith('$'))) throw new UnsupportedError(115, `An index on '${path}'`);
  // A number in an index path may mean a field or a position, which one index cannot hold both of.
  if (names.some((name) => /^\d+$/.test(name))) throw new UnsupportedError(115, `An index on '${path}'`);
  return { path, isDescending: number < 0 };
}

/** What MongoDB allows in a partial index: comparisons, `$exists: true` and `$type`, all of which must hold. */
function checkPartial(filter: Filter): void {
  const refuse = (): never => {
    throw new EngineError(67, 'unsupported expression in partial index');
  };
  const check = (condition: Condition): void => {
    if (condition.kind === 'all') condition.conditions.forEach(check);
    else if (condition.kind !== 'is') refuse();
    else if (!['compare', 'exists', 'type', 'in'].includes(condition.predicate.kind)) refuse();
  };
  if (filter.kind === 'and') filter.clauses.forEach(checkPartial);
  else if (filter.kind === 'field') check(filter.condition);
  else refuse();
}

const sameFields = (a: IndexOptions, b: Index): boolean =>
  a.fields.length === b.fields.length &&
  a.fields.every(
    ({ path, isDescending }, at) => path === b.fields[at]?.path && isDescending === b.fields[at].isDescending,
  );

const sameOptions = (a: IndexOptions, b: Index): boolean => {
  const [left, right] = [a.partial, b.partial?.document];
  const samePartial = left === undefined || right === undefined ? left === right : left.octets.equals(right.octets);
  return a.isUnique === b.isUnique && a.isSparse === b.isSparse && samePartial;
};

function create(context: Context, request: Request, collection: Collection, options: IndexOptions): void {
  const isPrimary = options.fields.length === 1 && options.fields[0]?.path === '_id';
  if (isPrimary) {
    if (options.expireAfterSeconds === undefined) return;
    throw new EngineError(197, "The field 'expireAfterSeconds' is not valid for an _id index specification");
  }
  for (const existing of collection.indexes) {
    const isSame = sameFields(options, existing) && sameOptions(options, existing);
    if (existing.name === options.name) {
      if (isSame && options.expireAfterSeconds === existing.expireAfterSeconds) return;
      if (isSame) throw new EngineError(85, `An equivalent index already exists with other options: ${options.name}`);
      throw new EngineError(86, `An existing index has the same name as the requested index: ${options.name}`);
    }
    // Indexes of the same fields may stand side by side where they hold different documents.
    if (isSame) throw new EngineError(85, `Index already exists with a different name: ${existing.name}`);
  }
  if (collection.indexes.length + 1 >= MAX_INDEXES)
    throw new EngineError(67, `add index fails, too many indexes for ${collection.namespace}`);
  context.catalog.touch();
  const index = newIndex(collection.id, collection.nextIndexId++, options);
  collection.indexes.push(index);
  build(context, request, collection, index);
  context.catalog.save(collection);
}

function build(context: Context, request: Request, collection: Collection, index: Index): void {
  const range = wholeRange(documentPrefix(collection.id));
  const plan = {
    index: undefined,
    ranges: [range],
    isDescending: false,
    isSorted: true,
    arePoints: false,
    isFullScan: true,
    used: [],
    fields: [],
  };
  const scan = new Scan(context.store, collection, plan);
  const slice = wholeSlice(context, request);
  let duplicate: DuplicateKeyError | undefined;
  for (let found = scan.next(); found !== undefined; found = scan.next()) {
    if (found === PASSED) continue;
    try {
      context.records.enterInto(collection, index, found.key, found.octets);
    } catch (error) {
      if (!(error instanceof DuplicateKeyError)) throw error;
      // Told after the scan, as MongoDB does: a document that cannot be indexed at all comes before it.
      duplicate ??= error;
    }
    slice.isOver(found.octets.length);
  }
  if (duplicate !== undefined) throw duplicate;
}

export const listIndexesCommand: ReadCommand = {
  writes: false,
  run: (context, request, slice) => {
    checkOptions(request, ['cursor']);
    const name = request.options.requiredText('listIndexes');
    const collection = existing(context, request, name);
    const rows = [
      new DocumentWriter().int('v', 2).openDocument('key').int('_id', 1).close().string('name', '_id_').finish(),
    ];
    for (const index of collection.indexes) {
      const writer = new DocumentWriter();
      describeIndex(writer, index);
      rows.push(writer.finish());
    }
    return listed(context, request, `${request.database}.${name}`, rows, slice);
  },
};

/** A reply that gives out ready documents by a cursor. */
export function listed(
  context: Context,
  request: Request,
  namespace: string,
  rows: readonly Buffer[],
  slice: Slice,
): Work<Buffer> {
  const rest = [...rows].reverse();
  const source = { ...EMPTY_SOURCE, next: () => rest.pop() };
  const cursor = request.options.document('cursor');
  const batchSize = cursor === undefined ? undefined : new Options(cursor, 'cursor').integer('batchSize');
  return firstBatch(context, { namespace, source, owner: ownerOf(request), batchSize, isSingle: false }, slice);
}

export function existing(context: Context, request: Request, name: string): Collection {
  const collection = context.catalog.find(request.database, name);
  if (collection === undefined) throw new EngineError(26, `ns does not exist: ${request.database}.${name}`);
  return collection;
}

export const dropIndexesCommand: WriteCommand = {
  writes: true,
  run: (context, request) => {
    checkOptions(request, ['index']);
    const collection = existing(context, request, request.options.requiredText('dropIndexes'));
    const before = collection.indexes.length + 1;
    context.catalog.touch();
    for (const index of indexesNamed(collection, request.options.get('index'))) {
      context.store.deleteRange(wholeRange(index.prefix));
      collection.indexes.splice(collection.indexes.indexOf(index), 1);
    }
    context.catalog.save(collection);
    return new DocumentWriter().int('nIndexesWas', before).double('ok', 1).finish();
  },
};

export function indexesNamed(collection: Collection, wanted: Value | undefined): Index[] {
  if (wanted?.type === BsonType.object) {
    const fields = entriesOf(wanted).map(([path, value]) => ({ path, isDescending: intOf(value) < 0 }));
    const options = { name: '', fields, isUnique: false, isSparse: false, partial: undefined };
    const found = collection.indexes.filter((index) => sameFields(options, index));
    if (found.length === 0) throw new EngineError(27, "can't find index with key");
    return found;
  }
  if (wanted?.type !== BsonType.string) throw new UnsupportedError(72, 'This kind of index name');
  const name = stringOf(wanted);
  if (name === '*') return [...collection.indexes];
  if (name === '_id_') throw new EngineError(72, 'cannot drop _id index');
  const found = collection.indexes.find((index) => index.name === name);
  if (found === undefined) throw new EngineError(27, `index not found with name [${name}]`);
  return [found];
}
