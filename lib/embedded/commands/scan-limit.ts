import type { Collection } from '../catalog/collection.ts';
import { EngineError } from '../errors/failure.ts';
import type { QueryStream } from '../plan/query-stream.ts';
import type { Context } from './context.ts';

/** Reading this many documents without an index is worth a line in the log. */
const WORTH_A_WARNING = 10_000;

/** Tells of queries that read a whole collection, and refuses them where the context says so (tests do). */
export function checkScan(context: Context, collection: Collection, stream: QueryStream): void {
  const { plan, examined } = stream;
  if (!plan.isFullScan && plan.isSorted) return;
  if (context.maxScan !== undefined && plan.isFullScan && examined > context.maxScan) {
    throw new EngineError(2, `a query on ${collection.namespace} reads ${examined} documents for want of an index`);
  }
  if (examined >= WORTH_A_WARNING) {
    context.logger.warn({ namespace: collection.namespace, examined }, 'a query reads a collection without an index');
  }
}
