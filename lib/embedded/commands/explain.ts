import { DocumentWriter } from '../bson/write.ts';
import { EngineError, UnsupportedError } from '../errors/failure.ts';
import { QueryStream } from '../plan/query-stream.ts';
import { PAUSED, type Slice, type Work } from '../plan/slice.ts';
import { shapeOf } from '../plan/shape.ts';
import type { Command, Context, ReadCommand } from './context.ts';
import type { Explanation } from './explanation.ts';
import { planStages, writeStages, type PlanStage } from './plan-stages.ts';
import { checkOptions, commandName, Options, type Request } from './request.ts';

const VERBOSITIES = ['queryPlanner', 'executionStats', 'allPlansExecution'];

/** @param find looks up the command that is to be explained */
export const explainCommand = (find: (name: string) => Command | undefined): ReadCommand => ({
  writes: false,
  run: (context, request, slice) => {
    checkOptions(request, ['verbosity']);
    const inner = request.options.document('explain');
    if (inner === undefined) throw new EngineError(9, "'explain' needs a command");
    const verbosity = request.options.text('verbosity') ?? 'allPlansExecution';
    if (!VERBOSITIES.includes(verbosity)) throw new EngineError(9, `no such verbosity: ${verbosity}`);
    const name = commandName(inner);
    const command = find(name);
    if (command === undefined || !('explain' in command)) throw new UnsupportedError(59, `Explaining '${name}'`);
    const explainedRequest = { ...request, command: name, body: inner, options: new Options(inner, name) };
    return explained(context, request, command.explain(context, explainedRequest), verbosity, slice);
  },
});

/** What was read in order to find out. */
interface Run {
  readonly returned: number;
  readonly keys: number;
  readonly documents: number;
  readonly elapsedMs: number;
}

/** The reply to explain. Above `queryPlanner` the query is run, though nothing is written and nothing given out. */
export function* explained(
  context: Context,
  request: Request,
  explanation: Explanation,
  verbosity: string,
  slice: Slice,
): Work<Buffer> {
  const { name, query, stages = [] } = explanation;
  const run = verbosity === 'queryPlanner' ? undefined : yield* runOf(context, request, explanation, slice);
  const collection = context.catalog.find(request.database, name);
  const plan = collection === undefined ? undefined : new QueryStream(context, collection, query).plan;
  const tree = planStages(explanation, plan);
  const writer = new DocumentWriter().string('explainVersion', '1');
  if (stages.length > 0) writer.openArray('stages').openDocument('0').openDocument('$cursor');
  writer.openDocument('queryPlanner').string('namespace', `${request.database}.${name}`);
  writer.bool('indexFilterSet', false).string('queryShape', shapeOf(query.filter, query.sort));
  writeStages(writer.openDocument('winningPlan'), tree, undefined);
  writer.close().openArray('rejectedPlans').close().close();
  if (run !== undefined) writeRun(writer, run, tree);
  if (stages.length > 0) {
    writer.close().close();
    stages.forEach((stage, at) => writer.value(String(at + 1), stage));
    writer.close();
  }
  return writer.double('ok', 1).finish();
}

function* runOf(context: Context, request: Request, { name, query, open }: Explanation, slice: Slice): Work<Run> {
  const startedAt = context.clock.monotonic();
  const collection = context.catalog.find(request.database, name);
  const opened = open?.();
  const stream = opened?.stream ?? (collection && new QueryStream(context, collection, query));
  const source = opened?.source ?? stream;
  let returned = 0;
  try {
    for (let next = source?.next(slice); next !== undefined; next = source?.next(slice)) {
      if (next !== PAUSED) returned += 1;
      else {
        source?.pause();
        yield;
      }
    }
    const elapsedMs = Math.round(context.clock.monotonic() - startedAt);
    const isDirect = stream?.plan.index === undefined && stream?.plan.isFullScan === true;
    const keys = isDirect ? 0 : (stream?.examinedKeys ?? 0);
    return { returned, keys, documents: stream?.examined ?? 0, elapsedMs };
  } finally {
    source?.close();
  }
}

function writeRun(writer: DocumentWriter, { returned, keys, documents, elapsedMs }: Run, tree: PlanStage): void {
  writer.openDocument('executionStats').bool('executionSuccess', true).int('nReturned', returned);
  writer.int('executionTimeMillis', elapsedMs).int('totalKeysExamined', keys).int('totalDocsExamined', documents);
  writeStages(writer.openDocument('executionStages'), tree, { returned, keys, documents });
  writer.close().close();
}
