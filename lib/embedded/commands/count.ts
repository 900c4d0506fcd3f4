import { DocumentWriter, integerValue } from '../bson/write.ts';
import { BsonType } from '../bson/types.ts';
import { documentValue, valuesOf, type Value } from '../bson/value.ts';
import { parseFilter } from '../query/parse.ts';
import { visitPath, parsePath } from '../query/paths.ts';
import { EngineError } from '../errors/failure.ts';
import type { Collection } from '../catalog/collection.ts';
import { wholeRange } from '../catalog/keyspace.ts';
import { DistinctValues } from '../keys/distinct-values.ts';
import { QueryStream, type Query, type Source } from '../plan/query-stream.ts';
import { PAUSED, type Slice, type Work } from '../plan/slice.ts';
import type { Context, ReadCommand } from './context.ts';
import type { DocumentSource } from './cursors.ts';
import { checkCollation, hintOf } from './hint.ts';
import { checkOptions, type Request } from './request.ts';

const LARGEST_DISTINCT = 16 * 1024 * 1024;
/** So many keys are counted in one step. */
const COUNTED_AT_ONCE = 5000;
/** What counting one key is worth, in octets read. */
const COUNTED_OCTETS = 16;

export const countCommand: ReadCommand = {
  writes: false,
  run: (context, request, slice) => counted(context, request, slice),
  explain: (_context, request) => ({ ...readCount(request), above: 'COUNT' as const }),
};

function readCount(request: Request): { name: string; query: Query } {
  checkOptions(request, ['query', 'limit', 'skip', 'hint', 'collation', 'fields']);
  const { options } = request;
  checkCollation(options);
  const query = {
    filter: parseFilter(options.document('query')),
    sort: [],
    skip: options.integer('skip') ?? 0,
    limit: Math.abs(options.integer('limit', -Infinity) ?? 0),
    hint: hintOf(options),
  };
  return { name: options.requiredText('count'), query };
}

function* counted(context: Context, request: Request, slice: Slice): Work<Buffer> {
  const { name, query } = readCount(request);
  const collection = context.catalog.find(request.database, name);
  let n = 0;
  if (collection !== undefined) {
    const { filter, skip, limit } = query;
    const isWhole = filter.kind === 'and' && filter.clauses.length === 0;
    if (isWhole) {
      n = Math.max(0, (yield* wholeCount(context, collection, slice)) - skip);
      if (limit > 0) n = Math.min(n, limit);
    } else n = yield* matchCount(context, collection, query, slice);
  }
  return new DocumentWriter()
    .value('n', integerValue(BigInt(n)))
    .double('ok', 1)
    .finish();
}

function* matchCount(context: Context, collection: Collection, query: Query, slice: Slice): Work<number> {
  const stream = new QueryStream(context, collection, query);
  let n = 0;
  try {
    for (let next = stream.next(slice); next !== undefined; next = stream.next(slice)) {
      if (next === PAUSED) yield;
      else n += 1;
    }
    context.scans.check(collection, query, stream);
    return n;
  } finally {
    stream.close();
  }
}

/** Counts a whole collection, a part at each step. */
class KeyCount {
  readonly #source: Source;
  readonly #collection: Collection;
  readonly #to: Uint8Array;
  #from: Uint8Array;
  total = 0;

  constructor(source: Source, collection: Collection) {
    this.#source = source;
    this.#collection = collection;
    ({ from: this.#from, to: this.#to } = wholeRange(collection.prefix));
  }

  /** @returns false where the slice ended first. @throws EngineError 175 where the collection has gone */
  goOn(slice: Slice): boolean {
    const { database, name, id, namespace } = this.#collection;
    if (this.#source.catalog.find(database, name)?.id !== id) {
      throw new EngineError(175, `collection dropped: ${namespace}`);
    }
    for (;;) {
      const { count, last } = this.#source.store.countUpTo({ from: this.#from, to: this.#to }, COUNTED_AT_ONCE);
      this.total += count;
      if (last === undefined || count < COUNTED_AT_ONCE) return true;
      this.#from = Buffer.concat([last, Buffer.from([0])]);
      if (slice.isOver(count * COUNTED_OCTETS)) return false;
    }
  }
}

function* wholeCount(context: Context, collection: Collection, slice: Slice): Work<number> {
  const count = new KeyCount(context, collection);
  while (!count.goOn(slice)) yield;
  return count.total;
}

/** Gives one document made of how many a collection holds, or none. */
export function countSource(
  context: Context,
  collection: Collection,
  made: (total: number) => Buffer | undefined,
): DocumentSource {
  const count = new KeyCount(context, collection);
  let isDone = false;
  return {
    next: (slice) => {
      if (isDone) return undefined;
      if (!count.goOn(slice)) return PAUSED;
      isDone = true;
      return made(count.total);
    },
    pause: () => undefined,
    close: () => undefined,
  };
}

export const distinctCommand: ReadCommand = {
  writes: false,
  run: (context, request, slice) => listed(context, request, slice),
  explain: (_context, request) => readDistinct(request),
};

function readDistinct(request: Request): { name: string; query: Query; key: string } {
  checkOptions(request, ['key', 'query', 'collation', 'hint']);
  const { options } = request;
  checkCollation(options);
  const filter = parseFilter(options.document('query'));
  const query = { filter, sort: [], skip: 0, limit: 0, hint: hintOf(options) };
  return { name: options.requiredText('distinct'), query, key: options.requiredText('key') };
}

function* listed(context: Context, request: Request, slice: Slice): Work<Buffer> {
  const { name, query, key } = readDistinct(request);
  const collection = context.catalog.find(request.database, name);
  const values = collection === undefined ? [] : yield* distinctValues(context, collection, query, key, slice);
  const writer = new DocumentWriter().openArray('values');
  values.forEach((value, at) => writer.value(String(at), value));
  return writer.close().double('ok', 1).finish();
}

function* distinctValues(
  context: Context,
  collection: Collection,
  query: Query,
  key: string,
  slice: Slice,
): Work<readonly Value[]> {
  const path = parsePath(key);
  const found = new DistinctValues();
  let octets = 0;
  const add = (value: Value): void => {
    // A copy, or the value would keep the document that it lies in.
    const own = Buffer.from(value.octets.subarray(value.start, value.end));
    if (!found.add({ type: value.type, octets: own, start: 0, end: own.length })) return;
    octets += own.length;
    if (octets > LARGEST_DISTINCT) throw new EngineError(17217, 'distinct too big, 16mb cap');
  };
  const stream = new QueryStream(context, collection, query);
  try {
    for (let next = stream.next(slice); next !== undefined; next = stream.next(slice)) {
      if (next === PAUSED) {
        yield;
        continue;
      }
      visitPath(documentValue(next.octets), path, 0, false, (value) => {
        // Of an array each element counts, one that is an array again as it is.
        if (value?.type === BsonType.array) valuesOf(value).forEach(add);
        else if (value !== undefined) add(value);
        return false;
      });
    }
    context.scans.check(collection, query, stream);
    return found.values;
  } finally {
    stream.close();
  }
}
