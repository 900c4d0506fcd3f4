import { DocumentWriter } from '../bson/write.ts';
import { documentValue, valuesOf, type Value } from '../bson/value.ts';
import { integerValue } from '../bson/write.ts';
import { parseFilter } from '../query/parse.ts';
import { visitPath, parsePath } from '../query/paths.ts';
import { encodeKey } from '../keys/encode.ts';
import { EngineError } from '../errors/failure.ts';
import { equalValues } from '../bson/compare.ts';
import { wholeRange } from '../catalog/keyspace.ts';
import { BsonType } from '../bson/types.ts';
import { QueryStream, type Query } from '../plan/query-stream.ts';
import { timeCheck, type Command } from './context.ts';
import { checkCollation, hintOf } from './hint.ts';
import { checkOptions } from './request.ts';
import { checkScan } from './scan-limit.ts';

const LARGEST_DISTINCT = 16 * 1024 * 1024;

export const countCommand: Command = {
  writes: false,
  run: (context, request) => {
    checkOptions(request, ['query', 'limit', 'skip', 'hint', 'collation', 'fields']);
    const { options } = request;
    checkCollation(options);
    const limit = Math.abs(options.integer('limit', -Infinity) ?? 0);
    const skip = options.integer('skip') ?? 0;
    const query: Query = {
      filter: parseFilter(options.document('query')),
      sort: [],
      skip,
      limit,
      hint: hintOf(options),
    };
    const collection = context.catalog.find(request.database, options.requiredText('count'));
    let n = 0;
    if (collection !== undefined) {
      const isWhole = query.filter.kind === 'and' && query.filter.clauses.length === 0;
      if (isWhole) {
        n = Math.max(0, context.store.count(wholeRange(collection.prefix)) - skip);
        if (limit > 0) n = Math.min(n, limit);
      } else {
        const stream = new QueryStream(context.store, collection, query);
        const checkTime = timeCheck(context, request);
        while (stream.next(checkTime) !== undefined) n += 1;
        checkScan(context, collection, stream);
      }
    }
    return new DocumentWriter()
      .value('n', integerValue(BigInt(n)))
      .double('ok', 1)
      .finish();
  },
};

export const distinctCommand: Command = {
  writes: false,
  run: (context, request) => {
    checkOptions(request, ['key', 'query', 'collation', 'hint']);
    const { options } = request;
    checkCollation(options);
    const path = parsePath(options.requiredText('key'));
    const query: Query = {
      filter: parseFilter(options.document('query')),
      sort: [],
      skip: 0,
      limit: 0,
      hint: hintOf(options),
    };
    const collection = context.catalog.find(request.database, options.requiredText('distinct'));
    const found = new DistinctValues();
    if (collection !== undefined) {
      const stream = new QueryStream(context.store, collection, query);
      const checkTime = timeCheck(context, request);
      for (let next = stream.next(checkTime); next !== undefined; next = stream.next(checkTime)) {
        visitPath(documentValue(next.octets), path, 0, false, (value) => {
          // Of an array each element counts, one that is an array again as it is.
          if (value?.type === BsonType.array) valuesOf(value).forEach((element) => found.add(element));
          else if (value !== undefined) found.add(value);
          return false;
        });
      }
      checkScan(context, collection, stream);
    }
    const writer = new DocumentWriter().openArray('values');
    found.values.forEach((value, at) => writer.value(String(at), value));
    return writer.close().double('ok', 1).finish();
  },
};

/** Values that differ, in the order they came. */
class DistinctValues {
  readonly values: Value[] = [];
  readonly #byKey = new Map<string, Value[]>();
  #octets = 0;

  add(value: Value): void {
    const key = keyText(value);
    const alike = this.#byKey.get(key);
    if (alike?.some((one) => equalValues(one, value)) === true) return;
    this.#octets += value.end - value.start;
    if (this.#octets > LARGEST_DISTINCT) throw new EngineError(17217, 'distinct too big, 16mb cap');
    this.values.push(value);
    if (alike === undefined) this.#byKey.set(key, [value]);
    else alike.push(value);
  }
}

/** Equal values have equal texts; the few that have no key share one. */
function keyText(value: Value): string {
  return value.type === BsonType.decimal ? 'decimal' : encodeKey([value]).toString('latin1');
}
