import { BSON, type Document } from 'mongodb';

/**
 * Which shards a command goes to, as MongoDB's manual has it ("Targeted operations versus broadcast operations",
 * "Shard keys", "Unique indexes"): a router reads the shard key out of the filter and asks every shard where it cannot.
 * What a router would broadcast, or refuse, is named here in words.
 */
export type Targeting =
  | { readonly kind: 'targeted' }
  /** Legal, but every shard is asked. */
  | { readonly kind: 'broadcast'; readonly reason: string }
  /** A real router refuses it, with this code. */
  | { readonly kind: 'refused'; readonly code: number; readonly reason: string };

const TARGETED: Targeting = { kind: 'targeted' };
/** ShardKeyNotFound, InvalidOptions, CannotCreateIndex of MongoDB's error codes. */
const SHARD_KEY_NOT_FOUND = 61;
const INVALID_OPTIONS = 72;
const CANNOT_CREATE_INDEX = 67;

/** What a filter says about one field: exactly one value, several values, a range closed on both sides, or too little. */
type Bound = 'one' | 'several' | 'range' | 'open';

const isOperators = (value: unknown): value is Document =>
  typeof value === 'object' &&
  value !== null &&
  !('_bsontype' in value) &&
  !Array.isArray(value) &&
  !Buffer.isBuffer(value) &&
  !(value instanceof Date) &&
  Object.keys(value).some((key) => key.startsWith('$'));

/** Values that sort before or after everything bound nothing. */
const isExtreme = (value: unknown): boolean => value instanceof BSON.MinKey || value instanceof BSON.MaxKey;

function boundOfValue(value: unknown): Bound {
  if (value instanceof RegExp || value instanceof BSON.BSONRegExp) return 'open';
  if (!isOperators(value)) return isExtreme(value) ? 'open' : 'one';
  if ('$eq' in value) return boundOfValue(value['$eq']);
  const list: unknown = value['$in'];
  if (Array.isArray(list)) {
    if (list.some((item) => boundOfValue(item) !== 'one')) return 'open';
    return list.length === 1 ? 'one' : 'several';
  }
  const isBounded = (names: readonly string[]): boolean =>
    names.some((name) => value[name] !== undefined && value[name] !== null && !isExtreme(value[name]));
  return isBounded(['$gt', '$gte']) && isBounded(['$lt', '$lte']) ? 'range' : 'open';
}

const TIGHTNESS: readonly Bound[] = ['open', 'range', 'several', 'one'];
const tighter = (a: Bound, b: Bound): Bound => (TIGHTNESS.indexOf(a) >= TIGHTNESS.indexOf(b) ? a : b);

/** What the top level of a filter, `$and` included, says about the field. `$or` bounds only what every branch bounds. */
function boundOf(filter: Document, field: string): Bound {
  let bound: Bound = 'open';
  if (field in filter) bound = boundOfValue(filter[field]);
  const all: unknown = filter['$and'];
  if (Array.isArray(all)) for (const clause of all as Document[]) bound = tighter(bound, boundOf(clause, field));
  const any: unknown = filter['$or'];
  if (Array.isArray(any) && any.length > 0) {
    const branches = (any as Document[]).map((clause) => boundOf(clause, field));
    if (!branches.includes('open')) bound = tighter(bound, 'range');
  }
  return bound;
}

const namesWhole = (filter: Document, key: readonly string[]): boolean =>
  key.every((field) => boundOf(filter, field) === 'one');

/** A whole `_id` leads a router to one document only where the shard key is `_id` itself. */
function ofOne(filter: Document, key: readonly string[], what: string, code: number): Targeting {
  if (namesWhole(filter, key)) return TARGETED;
  return { kind: 'refused', code, reason: `${what} must contain an exact match on the shard key (${key.join(', ')})` };
}

function ofMany(filter: Document, key: readonly string[], what: string): Targeting {
  const [first = '_id'] = key;
  if (boundOf(filter, first) !== 'open') return TARGETED;
  return { kind: 'broadcast', reason: `${what} does not bound ${first}` };
}

const firstOther = (results: readonly Targeting[]): Targeting =>
  results.find(({ kind }) => kind === 'refused') ?? results.find(({ kind }) => kind !== 'targeted') ?? TARGETED;

const documents = (value: unknown): readonly Document[] => (Array.isArray(value) ? (value as Document[]) : []);
const document = (value: unknown): Document => (typeof value === 'object' && value !== null ? value : {});

function ofUpdate(statement: Document, key: readonly string[]): Targeting {
  const filter = document(statement['q']);
  if (statement['multi'] !== true) return ofOne(filter, key, 'an update of one', INVALID_OPTIONS);
  if (statement['upsert'] === true) return ofOne(filter, key, 'an upsert', SHARD_KEY_NOT_FOUND);
  return ofMany(filter, key, 'update');
}

function ofInsert(row: Document, key: readonly string[]): Targeting {
  const missing = key.find((field) => !(field in row));
  if (missing === undefined) return TARGETED;
  return { kind: 'refused', code: SHARD_KEY_NOT_FOUND, reason: `a document without ${missing}` };
}

function ofIndex(index: Document, key: readonly string[]): Targeting {
  if (index['unique'] !== true) return TARGETED;
  const fields = Object.keys(document(index['key']));
  if (fields.length === 1 && fields[0] === '_id') return TARGETED;
  if (key.every((field, at) => fields[at] === field)) return TARGETED;
  const reason = `a unique index over ${fields.join(', ')} does not begin with the shard key (${key.join(', ')})`;
  return { kind: 'refused', code: CANNOT_CREATE_INDEX, reason };
}

function ofAggregate(command: Document, key: readonly string[]): Targeting {
  const [first] = documents(command['pipeline']);
  return ofMany(document(first?.['$match']), key, 'aggregate');
}

/** The fields whose command names a collection, and how each is routed. Anything else goes where its database is. */
const RULES = new Map<string, (command: Document, key: readonly string[]) => Targeting>([
  ['insert', (command, key) => firstOther(documents(command['documents']).map((row) => ofInsert(row, key)))],
  ['update', (command, key) => firstOther(documents(command['updates']).map((each) => ofUpdate(each, key)))],
  [
    'delete',
    (command, key) =>
      firstOther(
        documents(command['deletes']).map((each) =>
          each['limit'] === 1
            ? ofOne(document(each['q']), key, 'a deletion of one', INVALID_OPTIONS)
            : ofMany(document(each['q']), key, 'delete'),
        ),
      ),
  ],
  ['findAndModify', (command, key) => ofOne(document(command['query']), key, 'findAndModify', SHARD_KEY_NOT_FOUND)],
  ['find', (command, key) => ofMany(document(command['filter']), key, 'find')],
  // Without a filter each shard says what it keeps by itself.
  ['count', (command, key) => ('query' in command ? ofMany(document(command['query']), key, 'count') : TARGETED)],
  ['distinct', (command, key) => ofMany(document(command['query']), key, 'distinct')],
  ['aggregate', ofAggregate],
  ['createIndexes', (command, key) => firstOther(documents(command['indexes']).map((index) => ofIndex(index, key)))],
]);

/** @param key the fields of the collection's shard key, in order */
export function targetingOf(command: Document, key: readonly string[]): Targeting {
  const name = Object.keys(command)[0] ?? '';
  return RULES.get(name === 'findandmodify' ? 'findAndModify' : name)?.(command, key) ?? TARGETED;
}
