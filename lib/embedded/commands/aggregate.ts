import type { Collection } from '../catalog/collection.ts';
import { wholeRange } from '../catalog/keyspace.ts';
import { BsonType } from '../bson/types.ts';
import type { Value } from '../bson/value.ts';
import { integerValue } from '../bson/write.ts';
import { EngineError, UnsupportedError } from '../errors/failure.ts';
import { countDocument, parseGroup } from '../pipeline/group.ts';
import { parseStage, stageOf, type Next, type Stage } from '../pipeline/stages.ts';
import { QueryStream, type Query } from '../plan/query-stream.ts';
import { parseSort } from '../plan/sort-order.ts';
import { parseFilter } from '../query/parse.ts';
import { firstBatch } from './batch.ts';
import { timeCheck, type Command, type Context } from './context.ts';
import type { DocumentSource } from './cursors.ts';
import { checkCollation, hintOf } from './hint.ts';
import { checkOptions, Options } from './request.ts';
import { checkScan } from './scan-limit.ts';

/** The stages at the front that a query can do by itself, and the rest. */
interface Pipeline {
  readonly query: Query;
  readonly stages: readonly Stage[];
  /** Where the pipeline only counts a whole collection: what the answer looks like. */
  readonly counts: { readonly name: string; readonly id: Value } | undefined;
}

export const aggregateCommand: Command = {
  writes: false,
  run: (context, request) => {
    checkOptions(request, [
      'pipeline',
      'cursor',
      'allowDiskUse',
      'bypassDocumentValidation',
      'hint',
      'collation',
      'explain',
    ]);
    const { options } = request;
    checkCollation(options);
    if (options.bool('explain') === true) throw new UnsupportedError(72, 'explain');
    const stages = options.array('pipeline');
    const cursor = options.document('cursor');
    if (stages === undefined || cursor === undefined)
      throw new EngineError(9, "'aggregate' needs a pipeline and a cursor");
    if (options.get('aggregate')?.type !== BsonType.string) {
      // Change streams over databases, and stages that make documents by themselves.
      for (const stage of stages) parseStage(stage);
      throw new UnsupportedError(72, 'aggregate without a collection');
    }
    const name = options.requiredText('aggregate');
    const pipeline = parsePipeline(stages, hintOf(options));
    const collection = context.catalog.find(request.database, name);
    return firstBatch(
      context,
      {
        namespace: `${request.database}.${name}`,
        source: sourceOf(context, collection, pipeline),
        batchSize: new Options(cursor, 'cursor').integer('batchSize'),
        isSingle: false,
      },
      timeCheck(context, request),
    );
  },
};

function parsePipeline(documents: readonly Value[], hint: string | undefined): Pipeline {
  const rest = [...documents];
  const front = (name: string): Value | undefined => {
    const [first] = rest;
    if (first === undefined) return undefined;
    const [stage, operand] = stageOf(first);
    if (stage !== name) return undefined;
    rest.shift();
    return operand;
  };
  const filter = parseFilter(front('$match'));
  const sort = parseSort(front('$sort'));
  const query: Query = { filter, sort, skip: 0, limit: 0, hint };
  const stages = rest.map(parseStage);
  const isWhole = filter.kind === 'and' && filter.clauses.length === 0;
  const [only] = rest;
  const [name, operand] = isWhole && rest.length === 1 && only !== undefined ? stageOf(only) : ['', undefined];
  const counts = name === '$group' && operand !== undefined ? parseGroup(operand).countsInto : undefined;
  return { query, stages, counts };
}

function sourceOf(
  context: Context,
  collection: Collection | undefined,
  { query, stages, counts }: Pipeline,
): DocumentSource {
  if (collection !== undefined && counts !== undefined) {
    const total = context.store.count(wholeRange(collection.prefix));
    const rest = total === 0 ? [] : [countDocument(counts.name, counts.id, integerValue(BigInt(total)))];
    return { next: () => rest.pop(), pause: () => undefined };
  }
  const stream = collection === undefined ? undefined : new QueryStream(context.store, collection, query);
  const first: Next = (checkTime) => {
    const found = stream?.next(checkTime);
    if (found === undefined && stream !== undefined && collection !== undefined) checkScan(context, collection, stream);
    return found?.octets;
  };
  return { next: stages.reduce((input, stage) => stage(input), first), pause: () => stream?.pause() };
}
