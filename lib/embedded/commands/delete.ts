import { documentValue, fieldNamed, intOf, type Value } from '../bson/value.ts';
import { DocumentWriter } from '../bson/write.ts';
import { EngineError } from '../errors/failure.ts';
import { matches } from '../query/match.ts';
import { parseFilter } from '../query/parse.ts';
import type { Command, Context } from './context.ts';
import { checkCollation, hintOf } from './hint.ts';
import { findFirst, findKeys } from './modify.ts';
import { checkOptions, Options, statementsOf, type Request } from './request.ts';
import { openRetryLog, WriteErrors, writeReply } from './write-result.ts';

const STATEMENT_OPTIONS = new Set(['q', 'limit', 'hint', 'collation']);

export const deleteCommand: Command = {
  writes: true,
  run: (context, request) => {
    checkOptions(request, ['deletes', 'ordered']);
    const isOrdered = request.options.bool('ordered') ?? true;
    const retries = openRetryLog(context, request);
    const errors = new WriteErrors();
    let deleted = 0;
    for (const [at, statement] of statementsOf(request, 'deletes').entries()) {
      try {
        const before = retries?.resultOf(at);
        const count = before === undefined ? execute(context, request, statement) : countIn(before);
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
};

function countIn(result: Value): number {
  const n = fieldNamed(result, 'n');
  return n === undefined ? 0 : intOf(n);
}

function execute(context: Context, request: Request, document: Value): number {
  const options = new Options(document, 'delete.deletes');
  options.allow(STATEMENT_OPTIONS);
  checkCollation(options);
  const given = options.document('q');
  const limit = options.integer('limit');
  if (given === undefined || limit === undefined) throw new EngineError(40414, "'delete.deletes' needs q and limit");
  if (limit > 1) throw new EngineError(9, 'The limit field in delete objects must be 0 or 1');
  const query = { filter: parseFilter(given), sort: [], skip: 0, limit: 0, hint: hintOf(options) };
  const collection = context.catalog.find(request.database, request.options.requiredText('delete'));
  if (collection === undefined) return 0;
  if (limit === 1) {
    const found = findFirst(context, request, collection, query);
    if (found === undefined) return 0;
    context.records.delete(collection, found.key, found.octets);
    return 1;
  }
  let deleted = 0;
  for (const key of findKeys(context, request, collection, query)) {
    const octets = context.store.get(key);
    if (octets === undefined || !matches(query.filter, documentValue(octets))) continue;
    context.records.delete(collection, key, octets);
    deleted += 1;
  }
  return deleted;
}
