import type { Collection } from '../catalog/collection.ts';
import { BsonType } from '../bson/types.ts';
import { boolOf, documentValue, fieldNamed, intOf, type Value } from '../bson/value.ts';
import { DocumentWriter } from '../bson/write.ts';
import { EngineError } from '../errors/failure.ts';
import { parseFilter } from '../query/parse.ts';
import { matches } from '../query/match.ts';
import type { Query } from '../plan/query-stream.ts';
import type { Update } from '../update/apply.ts';
import type { Context, ReadAhead, WriteCommand } from './context.ts';
import { hintOf } from './hint.ts';
import { findFirst, findKeys, gatherKeys, idIn, updateOne, upsert } from './modify.ts';
import { readUpdate } from './read-update.ts';
import { checkOptions, Options, statementsOf, type Request } from './request.ts';
import { openRetryLog, WriteErrors, writeReply } from './write-result.ts';

const OPTIONS = ['updates', 'ordered', 'bypassDocumentValidation'];
const STATEMENT_OPTIONS = new Set(['q', 'u', 'multi', 'upsert', 'arrayFilters', 'hint', 'collation']);

interface Statement {
  readonly query: Query;
  readonly update: Update;
  readonly isMulti: boolean;
  readonly isUpsert: boolean;
}

interface Outcome {
  n: number;
  nModified: number;
  upserted?: Value | undefined;
}

export const updateCommand: WriteCommand = {
  writes: true,
  run: (context, request, ahead) => {
    checkOptions(request, OPTIONS);
    const isOrdered = request.options.bool('ordered') ?? true;
    const statements = statementsOf(request, 'updates');
    const retries = openRetryLog(context, request);
    const errors = new WriteErrors();
    const total: Outcome = { n: 0, nModified: 0 };
    const upserted: { at: number; id: Value }[] = [];
    for (const [at, given] of statements.entries()) {
      try {
        const before = retries?.resultOf(at);
        const outcome =
          before === undefined ? execute(context, request, parse(context, given), ahead) : readOutcome(before);
        total.n += outcome.n;
        total.nModified += outcome.nModified;
        if (outcome.upserted !== undefined) upserted.push({ at, id: outcome.upserted });
        retries?.record(at, writeOutcome(outcome));
      } catch (error) {
        errors.add(at, error);
        if (isOrdered) break;
      }
    }
    retries?.save();
    return writeReply(writeTotals(total, upserted), errors);
  },
  readAhead: (context, request, slice) => {
    const [only, ...more] = statementsOf(request, 'updates');
    const multi = only === undefined ? undefined : fieldNamed(only, 'multi');
    if (only === undefined || more.length > 0 || multi?.type !== BsonType.boolean || !boolOf(multi)) return undefined;
    const { query, isUpsert } = parse(context, only);
    const collection = context.catalog.find(request.database, request.options.requiredText('update'));
    // That nothing matches has to hold in the moment of an upsert.
    const isApart = !isUpsert && collection !== undefined;
    return isApart ? gatherKeys(context, collection, query, slice) : undefined;
  },
  explain: (context, request) => {
    checkOptions(request, OPTIONS);
    const [only, ...more] = statementsOf(request, 'updates');
    if (only === undefined || more.length > 0) throw new EngineError(72, 'explained updates are one at a time');
    const { query, isMulti } = parse(context, only);
    const limited = { ...query, limit: isMulti ? 0 : 1 };
    return { name: request.options.requiredText('update'), query: limited, above: 'UPDATE' };
  },
};

function writeTotals(total: Outcome, upserted: readonly { at: number; id: Value }[]): DocumentWriter {
  const writer = new DocumentWriter().int('n', total.n).int('nModified', total.nModified);
  if (upserted.length === 0) return writer;
  writer.openArray('upserted');
  upserted.forEach(({ at, id }, position) => {
    writer.openDocument(String(position)).int('index', at).value('_id', id).close();
  });
  return writer.close();
}

function parse(context: Context, document: Value): Statement {
  const options = new Options(document, 'update.updates');
  options.allow(STATEMENT_OPTIONS);
  const filter = options.document('q');
  if (filter === undefined) throw new EngineError(40414, "'update.updates.q' is missing");
  const update = readUpdate(options.get('u'), options.get('arrayFilters'), context.clock.now());
  const isMulti = options.bool('multi') ?? false;
  if (isMulti && update.kind === 'replacement')
    throw new EngineError(9, 'multi update is not supported for replacement-style update');
  const query = { filter: parseFilter(filter), sort: [], skip: 0, limit: 0, hint: hintOf(options) };
  return { query, update, isMulti, isUpsert: options.bool('upsert') ?? false };
}

function execute(
  context: Context,
  request: Request,
  { query, update, isMulti, isUpsert }: Statement,
  ahead: ReadAhead | undefined,
): Outcome {
  const name = request.options.requiredText('update');
  const existing = context.catalog.find(request.database, name);
  const outcome =
    existing === undefined
      ? { n: 0, nModified: 0 }
      : updateAll(context, request, existing, { query, update, isMulti }, ahead);
  if (outcome.n > 0 || !isUpsert) return outcome;
  const collection = existing ?? context.catalog.create(request.database, name);
  return { n: 1, nModified: 0, upserted: idIn(upsert(context, collection, query, update)) };
}

function updateAll(
  context: Context,
  request: Request,
  collection: Collection,
  { query, update, isMulti }: Omit<Statement, 'isUpsert'>,
  ahead: ReadAhead | undefined,
): Outcome {
  if (!isMulti) {
    const found = findFirst(context, request, collection, query);
    if (found === undefined) return { n: 0, nModified: 0 };
    return { n: 1, nModified: updateOne(context, collection, query, update, found) === found.octets ? 0 : 1 };
  }
  const outcome: Outcome = { n: 0, nModified: 0 };
  for (const key of ahead ?? findKeys(context, request, collection, query)) {
    const octets = context.store.get(key);
    if (octets === undefined || !matches(query.filter, documentValue(octets))) continue;
    outcome.n += 1;
    if (updateOne(context, collection, query, update, { key, octets }) !== octets) outcome.nModified += 1;
  }
  return outcome;
}

function writeOutcome({ n, nModified, upserted }: Outcome): Buffer {
  const writer = new DocumentWriter(64).int('n', n).int('nModified', nModified);
  if (upserted !== undefined) writer.value('upserted', upserted);
  return Buffer.from(writer.finish());
}

function readOutcome(result: Value): Outcome {
  const number = (name: string): number => {
    const value = fieldNamed(result, name);
    return value?.type === BsonType.int ? intOf(value) : 0;
  };
  return { n: number('n'), nModified: number('nModified'), upserted: fieldNamed(result, 'upserted') };
}
