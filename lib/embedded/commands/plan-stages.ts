import type { DocumentWriter } from '../bson/write.ts';
import { renderBounds } from '../plan/render-bounds.ts';
import type { Plan } from '../plan/planner.ts';
import type { SortOrder } from '../plan/sort-order.ts';
import type { Explanation } from './explanation.ts';

/** One step of a plan, with what it gets its input from. */
export interface PlanStage {
  readonly stage: string;
  readonly details: (writer: DocumentWriter) => void;
  readonly input: PlanStage | undefined;
}

/** What was counted while a plan ran. */
export interface PlanCounts {
  readonly returned: number;
  readonly keys: number;
  readonly documents: number;
}

const NOTHING = (): void => undefined;

/** A plan as MongoDB names its stages, from what gives out down to what reads. */
export function planStages({ query, above, isProjected }: Explanation, plan: Plan | undefined): PlanStage {
  if (plan === undefined) return { stage: 'EOF', details: NOTHING, input: undefined };
  const { sort, skip, limit } = query;
  let tree = accessStages(plan);
  const wrap = (stage: string, details: PlanStage['details'] = NOTHING): void => {
    tree = { stage, details, input: tree };
  };
  if (!plan.isSorted) wrap('SORT', (writer) => writeOrder(writer, 'sortPattern', sort));
  if (skip > 0) wrap('SKIP', (writer) => void writer.double('skipAmount', skip));
  if (limit > 0) wrap('LIMIT', (writer) => void writer.double('limitAmount', limit));
  if (isProjected === true) wrap('PROJECTION_DEFAULT');
  if (above !== undefined) wrap(above);
  return tree;
}

function writeOrder(writer: DocumentWriter, name: string, order: SortOrder | Plan['fields']): void {
  writer.openDocument(name);
  for (const { path, isDescending } of order) writer.int(path, isDescending ? -1 : 1);
  writer.close();
}

function accessStages(plan: Plan): PlanStage {
  const direction = plan.isDescending ? 'backward' : 'forward';
  if (plan.index === undefined && plan.isFullScan) {
    return { stage: 'COLLSCAN', details: (writer) => void writer.string('direction', direction), input: undefined };
  }
  const scan: PlanStage = {
    stage: 'IXSCAN',
    details: (writer) => {
      const { index } = plan;
      writeOrder(writer, 'keyPattern', plan.fields);
      writer.string('indexName', index?.name ?? '_id_').bool('isMultiKey', index?.isMultikey ?? false);
      writer.bool('isUnique', index?.isUnique ?? true).bool('isSparse', index?.isSparse ?? false);
      writer.bool('isPartial', index?.partial !== undefined).string('direction', direction);
      writer.openDocument('indexBounds');
      plan.fields.forEach(({ path }, at) => {
        writer.openArray(path);
        renderBounds(plan.used[at]).forEach((text, position) => writer.string(String(position), text));
        writer.close();
      });
      writer.close();
    },
    input: undefined,
  };
  return { stage: 'FETCH', details: NOTHING, input: scan };
}

/** Writes a plan into an open document, with the counts where it has run. */
export function writeStages(writer: DocumentWriter, plan: PlanStage, counts: PlanCounts | undefined): void {
  const { stage, details, input } = plan;
  writer.string('stage', stage);
  details(writer);
  if (counts !== undefined) writeCounts(writer, stage, counts);
  if (input === undefined) return;
  writeStages(writer.openDocument('inputStage'), input, counts);
  writer.close();
}

/** Each stage tells what it is about; what lies between reading and giving out is not counted. */
function writeCounts(writer: DocumentWriter, stage: string, { returned, keys, documents }: PlanCounts): void {
  switch (stage) {
    case 'COUNT':
      writer.int('nCounted', returned);
      break;
    case 'UPDATE':
      writer.int('nMatched', returned);
      break;
    case 'DELETE':
      writer.int('nWouldDelete', returned);
      break;
    case 'IXSCAN':
      writer.int('keysExamined', keys);
      break;
    case 'FETCH':
    case 'COLLSCAN':
      writer.int('docsExamined', documents);
      break;
    default:
      writer.int('nReturned', returned);
  }
}
