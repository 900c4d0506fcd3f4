import { BsonType } from '../bson/types.ts';
import type { Value } from '../bson/value.ts';
import { integerValue } from '../bson/write.ts';
import { EngineError, UnsupportedError } from '../errors/failure.ts';
import { countDocument, parseGroup } from '../pipeline/group.ts';
import type { Joins, Next, Stage } from '../pipeline/stage.ts';
import { parseStage, stageOf } from '../pipeline/stages.ts';
import { QueryStream, type Query } from '../plan/query-stream.ts';
import { PAUSED } from '../plan/slice.ts';
import { parseSort } from '../plan/sort-order.ts';
import { parseFilter } from '../query/parse.ts';
import { firstBatch } from './batch.ts';
import type { Context, ReadCommand } from './context.ts';
import { countSource } from './count.ts';
import { hintOf, checkCollation } from './hint.ts';
import type { DocumentSource } from './cursors.ts';
import { explained } from './explain.ts';
import type { Explanation } from './explanation.ts';
import { checkOptions, Options, ownerOf, type Request } from './request.ts';

/** The stages at the front that a query can do by itself, and the rest. */
interface Pipeline {
  readonly name: string;
  readonly query: Query;
  readonly stages: readonly Stage[];
  /** The same as they were given. */
  readonly rest: readonly Value[];
  /** Where the pipeline only counts a whole collection: what the answer looks like. */
  readonly counts: { readonly name: string; readonly id: Value } | undefined;
}

const OPTIONS = [...['pipeline', 'cursor', 'allowDiskUse', 'bypassDocumentValidation', 'hint', 'collation', 'explain']];

export const aggregateCommand: ReadCommand = {
  writes: false,
  run: (context, request, slice) => {
    const pipeline = readPipeline(request);
    const { options } = request;
    if (options.bool('explain') === true) {
      return explained(context, request, explanation(context, request, pipeline), 'queryPlanner', slice);
    }
    const cursor = options.document('cursor');
    if (cursor === undefined) throw new EngineError(9, "'aggregate' needs a pipeline and a cursor");
    const batch = {
      namespace: `${request.database}.${pipeline.name}`,
      source: sourceOf(context, request, pipeline).source,
      owner: ownerOf(request),
      batchSize: new Options(cursor, 'cursor').integer('batchSize'),
      isSingle: false,
    };
    return firstBatch(context, batch, slice);
  },
  explain: (context, request) => explanation(context, request, readPipeline(request)),
};

function explanation(context: Context, request: Request, pipeline: Pipeline): Explanation {
  const { name, query, rest } = pipeline;
  return { name, query, stages: rest, open: () => sourceOf(context, request, { ...pipeline, counts: undefined }) };
}

function readPipeline(request: Request): Pipeline {
  checkOptions(request, OPTIONS);
  const { options } = request;
  checkCollation(options);
  const stages = options.array('pipeline');
  if (stages === undefined) throw new EngineError(9, "'aggregate' needs a pipeline and a cursor");
  if (options.get('aggregate')?.type !== BsonType.string) {
    // Change streams over databases, and stages that make documents by themselves.
    for (const stage of stages) parseStage(stage);
    throw new UnsupportedError(72, 'aggregate without a collection');
  }
  return parsePipeline(options.requiredText('aggregate'), stages, hintOf(options));
}

function parsePipeline(collection: string, documents: readonly Value[], hint: string | undefined): Pipeline {
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
  return { name: collection, query, stages, rest, counts };
}

function sourceOf(
  context: Context,
  request: Request,
  { name, query, stages, counts }: Pipeline,
): { readonly source: DocumentSource; readonly stream: QueryStream | undefined } {
  const collection = context.catalog.find(request.database, name);
  if (collection !== undefined && counts !== undefined) {
    const made = (total: number): Buffer | undefined =>
      total === 0 ? undefined : countDocument(counts.name, counts.id, integerValue(BigInt(total)));
    return { source: countSource(context, collection, made), stream: undefined };
  }
  const stream = collection === undefined ? undefined : new QueryStream(context, collection, query);
  const first: Next = (slice) => {
    if (collection === undefined || stream === undefined) return undefined;
    const found = stream.next(slice);
    if (found === PAUSED) return PAUSED;
    if (found === undefined) context.scans.check(collection, query, stream);
    return found?.octets;
  };
  const holding = context.memory.hold();
  const workplace = { holding, joins: joinsOf(context, request) };
  const source = {
    next: stages.reduce((input, stage) => stage(input, workplace), first),
    pause: () => stream?.pause(),
    close: () => {
      stream?.close();
      holding.release();
    },
  };
  return { source, stream };
}

function joinsOf(context: Context, request: Request): Joins {
  return {
    find: (name) => context.catalog.find(request.database, name),
    open: (collection, query) => new QueryStream(context, collection, query),
    close: (collection, query, stream) => {
      context.scans.check(collection, query, stream);
      stream.close();
    },
  };
}
