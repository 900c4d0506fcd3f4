import { bigOf, type Value } from '../bson/value.ts';
import { isNumeric } from '../bson/types.ts';
import { numericOf } from '../bson/number.ts';
import { EngineError, UnsupportedError } from '../errors/failure.ts';
import { parseProjection, project, type Projection } from '../pipeline/projection.ts';
import { parseSort } from '../plan/sort-order.ts';
import { QueryStream, type Query } from '../plan/query-stream.ts';
import { parseFilter } from '../query/parse.ts';
import { BsonType } from '../bson/types.ts';
import type { Collection } from '../catalog/collection.ts';
import { firstBatch, nextBatch } from './batch.ts';
import { timeCheck, type Command, type Context } from './context.ts';
import type { DocumentSource } from './cursors.ts';
import { checkCollation, hintOf } from './hint.ts';
import { checkOptions, type Request } from './request.ts';
import { checkScan } from './scan-limit.ts';

const FIND_OPTIONS = [
  ...['filter', 'sort', 'projection', 'hint', 'skip', 'limit', 'batchSize', 'singleBatch', 'allowDiskUse', 'collation'],
  ...['tailable', 'awaitData', 'noCursorTimeout', 'returnKey', 'showRecordId', 'allowPartialResults', 'oplogReplay'],
];
/** Options that only say what holds anyway while they are off. */
const MUST_BE_OFF = ['tailable', 'awaitData', 'noCursorTimeout', 'returnKey', 'showRecordId'];
const EMPTY_SOURCE: DocumentSource = { next: () => undefined, pause: () => undefined };

export const findCommand: Command = {
  writes: false,
  run: (context, request) => {
    checkOptions(request, FIND_OPTIONS);
    const { options } = request;
    checkCollation(options);
    for (const name of MUST_BE_OFF) {
      if (options.bool(name) === true) throw new UnsupportedError(72, `Option '${name}' of find`);
    }
    const name = options.requiredText('find');
    const query: Query = {
      filter: parseFilter(options.document('filter')),
      sort: parseSort(options.document('sort')),
      skip: options.integer('skip') ?? 0,
      limit: options.integer('limit') ?? 0,
      hint: hintOf(options),
    };
    const fields = options.document('projection');
    const collection = context.catalog.find(request.database, name);
    const source = collection === undefined ? EMPTY_SOURCE : findSource(context, collection, query, fields);
    return firstBatch(
      context,
      {
        namespace: `${request.database}.${name}`,
        source,
        batchSize: options.integer('batchSize'),
        isSingle: options.bool('singleBatch') ?? false,
      },
      timeCheck(context, request),
    );
  },
};

function findSource(context: Context, collection: Collection, query: Query, fields: Value | undefined): DocumentSource {
  const projection: Projection | undefined = fields === undefined ? undefined : parseProjection(fields, true);
  const isWhole =
    projection === undefined || (projection.mode === 'exclusion' && projection.fields.size === 0 && projection.keepsId);
  const stream = new QueryStream(context.store, collection, query);
  return {
    next: (checkTime) => {
      const found = stream.next(checkTime);
      if (found === undefined) {
        checkScan(context, collection, stream);
        return undefined;
      }
      return isWhole ? found.octets : project(projection, found.octets);
    },
    pause: () => stream.pause(),
  };
}

export const getMoreCommand: Command = {
  writes: false,
  run: (context, request) => {
    checkOptions(request, ['collection', 'batchSize']);
    const id = cursorId(request);
    const namespace = `${request.database}.${request.options.requiredText('collection')}`;
    const cursor = context.cursors.find(id, namespace);
    const batchSize = request.options.integer('batchSize') ?? 0;
    return nextBatch(context, cursor, batchSize === 0 ? Infinity : batchSize, timeCheck(context, request));
  },
};

function cursorId(request: Request): bigint {
  const value = request.options.get('getMore');
  if (value?.type === BsonType.long) return bigOf(value);
  if (value !== undefined && isNumeric(value.type)) return BigInt(Number(numericOf(value)));
  throw new EngineError(14, "'getMore' must be a long");
}
