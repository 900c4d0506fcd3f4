import type { Collection } from '../catalog/collection.ts';
import { rawOctets } from '../bson/value.ts';
import { DocumentWriter } from '../bson/write.ts';
import { EngineError } from '../errors/failure.ts';
import { parseFilter } from '../query/parse.ts';
import { parseProjection, project } from '../pipeline/projection.ts';
import { parseSort } from '../plan/sort-order.ts';
import type { Query } from '../plan/query-stream.ts';
import type { Update } from '../update/apply.ts';
import type { Context, WriteCommand } from './context.ts';
import { checkCollation, hintOf } from './hint.ts';
import { findFirst, idIn, updateOne, upsert } from './modify.ts';
import { readUpdate } from './read-update.ts';
import { checkOptions, type Request } from './request.ts';
import { openRetryLog } from './write-result.ts';

const OPTIONS = [
  ...['query', 'sort', 'remove', 'update', 'new', 'fields', 'upsert', 'arrayFilters', 'hint', 'collation'],
  'bypassDocumentValidation',
];

interface Outcome {
  readonly value: Buffer | undefined;
  readonly n: number;
  /** Undefined for a removal. */
  readonly updatedExisting?: boolean;
  readonly upserted?: Buffer;
}

export const findAndModifyCommand: WriteCommand = {
  writes: true,
  run: (context, request) => {
    checkOptions(request, OPTIONS);
    checkCollation(request.options);
    const retries = openRetryLog(context, request);
    const before = retries?.resultOf(0);
    if (before !== undefined) return rawOctets(before);
    const outcome = execute(context, request);
    const fields = request.options.document('fields');
    const value =
      outcome.value === undefined || fields === undefined
        ? outcome.value
        : project(parseProjection(fields, true), outcome.value);
    const writer = new DocumentWriter().openDocument('lastErrorObject').int('n', outcome.n);
    if (outcome.updatedExisting !== undefined) writer.bool('updatedExisting', outcome.updatedExisting);
    const id = outcome.upserted === undefined ? undefined : idIn(outcome.upserted);
    if (id !== undefined) writer.value('upserted', id);
    writer.close();
    if (value === undefined) writer.null('value');
    else writer.raw('value', value);
    const reply = writer.double('ok', 1).finish();
    retries?.record(0, reply);
    retries?.save();
    return reply;
  },
  explain: (_context, request) => {
    checkOptions(request, OPTIONS);
    const above = request.options.bool('remove') === true ? 'DELETE' : 'UPDATE';
    return { name: request.options.requiredText(request.command), query: readQuery(request), above };
  },
};

function readQuery({ options }: Request): Query {
  return {
    filter: parseFilter(options.document('query')),
    sort: parseSort(options.document('sort')),
    skip: 0,
    limit: 1,
    hint: hintOf(options),
  };
}

function execute(context: Context, request: Request): Outcome {
  const { options } = request;
  const name = options.requiredText(request.command);
  const isRemoval = options.bool('remove') ?? false;
  const given = options.get('update');
  if (isRemoval === (given !== undefined))
    throw new EngineError(9, 'Either an update or remove=true must be specified');
  const query = readQuery(request);
  const collection = context.catalog.find(request.database, name);
  if (isRemoval) {
    if (options.bool('upsert') === true || options.bool('new') === true) {
      throw new EngineError(9, 'Cannot specify both new=true or upsert=true and remove=true');
    }
    return collection === undefined ? { value: undefined, n: 0 } : remove(context, request, collection, query);
  }
  const update = readUpdate(given, options.get('arrayFilters'), context.clock.now());
  const found = collection === undefined ? undefined : change(context, request, collection, query, update);
  if (found !== undefined) return found;
  if (options.bool('upsert') !== true) return { value: undefined, n: 0, updatedExisting: false };
  const target = collection ?? context.catalog.create(request.database, name);
  const upserted = upsert(context, target, query, update);
  return { value: options.bool('new') === true ? upserted : undefined, n: 1, updatedExisting: false, upserted };
}

function remove(context: Context, request: Request, collection: Collection, query: Query): Outcome {
  const found = findFirst(context, request, collection, query);
  if (found === undefined) return { value: undefined, n: 0 };
  context.records.delete(collection, found.key, found.octets);
  return { value: found.octets, n: 1 };
}

function change(
  context: Context,
  request: Request,
  collection: Collection,
  query: Query,
  update: Update,
): Outcome | undefined {
  const found = findFirst(context, request, collection, query);
  if (found === undefined) return undefined;
  const after = updateOne(context, collection, query, update, found);
  return { value: request.options.bool('new') === true ? after : found.octets, n: 1, updatedExisting: true };
}
