import { bigOf, type Value } from '../bson/value.ts';
import { isNumeric } from '../bson/types.ts';
import { numericOf } from '../bson/number.ts';
import { EngineError, UnsupportedError } from '../errors/failure.ts';
import { parseProjection, project, type Projection } from '../pipeline/projection.ts';
import { parseSort } from '../plan/sort-order.ts';
import { QueryStream, type Query } from '../plan/query-stream.ts';
import { PAUSED } from '../plan/slice.ts';
import { parseFilter } from '../query/parse.ts';
import { BsonType } from '../bson/types.ts';
import type { Collection } from '../catalog/collection.ts';
import { firstBatch, nextBatch } from './batch.ts';
import type { Context, ReadCommand } from './context.ts';
import type { DocumentSource } from './cursors.ts';
import { checkCollation, hintOf } from './hint.ts';
import { checkOptions, ownerOf, sessionOf, type Request } from './request.ts';

const FIND_OPTIONS = [
  ...['filter', 'sort', 'projection', 'hint', 'skip', 'limit', 'batchSize', 'singleBatch', 'allowDiskUse', 'collation'],
  ...['tailable', 'awaitData', 'noCursorTimeout', 'returnKey', 'showRecordId', 'allowPartialResults', 'oplogReplay'],
];
/** Options that only say what holds anyway while they are off. */
const MUST_BE_OFF = ['tailable', 'awaitData', 'returnKey', 'showRecordId'];
export const EMPTY_SOURCE: DocumentSource = { next: () => undefined, pause: () => undefined, close: () => undefined };

export const findCommand: ReadCommand = {
  writes: false,
  run: (context, request, slice) => {
    const { name, query, fields } = readFind(request);
    const { options } = request;
    const collection = context.catalog.find(request.database, name);
    const source = collection === undefined ? EMPTY_SOURCE : findSource(context, collection, query, fields);
    const batch = {
      namespace: `${request.database}.${name}`,
      source,
      owner: ownerOf(request),
      batchSize: options.integer('batchSize'),
      isSingle: options.bool('singleBatch') ?? false,
      neverIdles: options.bool('noCursorTimeout') ?? false,
    };
    return firstBatch(context, batch, slice);
  },
  explain: (_context, request) => {
    const { name, query, fields } = readFind(request);
    return { name, query, isProjected: fields !== undefined };
  },
};

function readFind(request: Request): { name: string; query: Query; fields: Value | undefined } {
  checkOptions(request, FIND_OPTIONS);
  const { options } = request;
  checkCollation(options);
  for (const name of MUST_BE_OFF) {
    if (options.bool(name) === true) throw new UnsupportedError(72, `Option '${name}' of find`);
  }
  const query = {
    filter: parseFilter(options.document('filter')),
    sort: parseSort(options.document('sort')),
    skip: options.integer('skip') ?? 0,
    limit: options.integer('limit') ?? 0,
    hint: hintOf(options),
  };
  return { name: options.requiredText('find'), query, fields: options.document('projection') };
}

function findSource(context: Context, collection: Collection, query: Query, fields: Value | undefined): DocumentSource {
  const projection: Projection | undefined = fields === undefined ? undefined : parseProjection(fields, true);
  const isWhole =
    projection === undefined || (projection.mode === 'exclusion' && projection.fields.size === 0 && projection.keepsId);
  const stream = new QueryStream(context, collection, query);
  return {
    next: (slice) => {
      const found = stream.next(slice);
      if (found === PAUSED) return PAUSED;
      if (found === undefined) {
        context.scans.check(collection, query, stream);
        return undefined;
      }
      return isWhole ? found.octets : project(projection, found.octets);
    },
    pause: () => stream.pause(),
    close: () => stream.close(),
  };
}

export const getMoreCommand: ReadCommand = {
  writes: false,
  run: (context, request, slice) => {
    checkOptions(request, ['collection', 'batchSize']);
    const id = cursorId(request);
    const namespace = `${request.database}.${request.options.requiredText('collection')}`;
    const batchSize = request.options.integer('batchSize') ?? 0;
    const cursor = context.cursors.take(id, namespace, sessionOf(request));
    return nextBatch(context, cursor, batchSize === 0 ? Infinity : batchSize, slice);
  },
};

function cursorId(request: Request): bigint {
  const value = request.options.get('getMore');
  if (value?.type === BsonType.long) return bigOf(value);
  if (value !== undefined && isNumeric(value.type)) return BigInt(Number(numericOf(value)));
  throw new EngineError(14, "'getMore' must be a long");
}
