import { documentValue, fieldNamed, intOf, type Value } from '../bson/value.ts';
import { DocumentWriter } from '../bson/write.ts';
import { EngineError } from '../errors/failure.ts';
import { matches } from '../query/match.ts';
import type { Query } from '../plan/query-stream.ts';
import { parseFilter } from '../query/parse.ts';
import type { Context, ReadAhead, WriteCommand } from './context.ts';
import { checkCollation, hintOf } from './hint.ts';
import { findFirst, findKeys, gatherKeys } from './modify.ts';
import { checkOptions, Options, statementsOf, type Request } from './request.ts';
import { openRetryLog, WriteErrors, writeReply } from './write-result.ts';

const STATEMENT_OPTIONS = new Set(['q', 'limit', 'hint', 'collation']);

export const deleteCommand: WriteCommand = {
  writes: true,
  run: (context, request, ahead) => {
    checkOptions(request, ['deletes', 'ordered']);
    const isOrdered = request.options.bool('ordered') ?? true;
    const retries = openRetryLog(context, request);
    const errors = new WriteErrors();
    let deleted = 0;
    for (const [at, statement] of statementsOf(request, 'deletes').entries()) {
      try {
        const before = retries?.resultOf(at);
        const count = before === undefined ? execute(context, request, parse(statement), ahead) : countIn(before);
        deleted += count;
        retries?.record(at, new DocumentWriter(16).int('n', count).finish());
      } catch (error) {
        errors.add(at, error);
        if (isOrdered) break;
      }
    }
    retries?.save();
    return writeReply(new DocumentWriter().int('n', deleted), errors);
  },
  readAhead: (context, request, slice) => {
    const [only, ...more] = statementsOf(request, 'deletes');
    if (only === undefined || more.length > 0) return undefined;
    const { query, isMulti } = parse(only);
    const collection = context.catalog.find(request.database, request.options.requiredText('delete'));
    return isMulti && collection !== undefined ? gatherKeys(context, collection, query, slice) : undefined;
  },
  explain: (_context, request) => {
    checkOptions(request, ['deletes', 'ordered']);
    const [only, ...more] = statementsOf(request, 'deletes');
    if (only === undefined || more.length > 0) throw new EngineError(72, 'explained deletes are one at a time');
    const { query, isMulti } = parse(only);
    const limited = { ...query, limit: isMulti ? 0 : 1 };
    return { name: request.options.requiredText('delete'), query: limited, above: 'DELETE' };
  },
};

function countIn(result: Value): number {
  const n = fieldNamed(result, 'n');
  return n === undefined ? 0 : intOf(n);
}

function parse(document: Value): { readonly query: Query; readonly isMulti: boolean } {
  const options = new Options(document, 'delete.deletes');
  options.allow(STATEMENT_OPTIONS);
  checkCollation(options);
  const given = options.document('q');
  const limit = options.integer('limit');
  if (given === undefined || limit === undefined) throw new EngineError(40414, "'delete.deletes' needs q and limit");
  if (limit > 1) throw new EngineError(9, 'The limit field in delete objects must be 0 or 1');
  const query = { filter: parseFilter(given), sort: [], skip: 0, limit: 0, hint: hintOf(options) };
  return { query, isMulti: limit === 0 };
}

function execute(
  context: Context,
  request: Request,
  { query, isMulti }: ReturnType<typeof parse>,
  ahead: ReadAhead | undefined,
): number {
  const collection = context.catalog.find(request.database, request.options.requiredText('delete'));
  if (collection === undefined) return 0;
  if (!isMulti) {
    const found = findFirst(context, request, collection, query);
    if (found === undefined) return 0;
    context.records.delete(collection, found.key, found.octets);
    return 1;
  }
  let deleted = 0;
  for (const key of ahead ?? findKeys(context, request, collection, query)) {
    const octets = context.store.get(key);
    if (octets === undefined || !matches(query.filter, documentValue(octets))) continue;
    context.records.delete(collection, key, octets);
    deleted += 1;
  }
  return deleted;
}
