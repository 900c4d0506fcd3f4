import type { Logger } from '../../kernel/logger.ts';
import type { Collection } from '../catalog/collection.ts';
import { EngineError } from '../errors/failure.ts';
import type { Query, QueryStream } from '../plan/query-stream.ts';
import { shapeOf } from '../plan/shape.ts';

/** Reading this many documents without an index is worth a line in the log. */
const WORTH_A_WARNING = 10_000;
/** So many shapes are remembered; when there are more, the log begins anew. */
const MAX_SHAPES = 1000;

/** Tells of queries that read a whole collection, once for each shape, and refuses them where tests want that. */
export class ScanLog {
  readonly #logger: Logger;
  readonly #maxScan: number | undefined;
  readonly #told = new Set<string>();

  /** @param maxScan reading more documents than this without bounds is an error; undefined logs it only */
  constructor(logger: Logger, maxScan: number | undefined) {
    this.#logger = logger;
    this.#maxScan = maxScan;
  }

  /** To be called when a query has read all that it will. @throws EngineError 2 beyond `maxScan` */
  check({ namespace }: Collection, { filter, sort }: Query, { plan, examined }: QueryStream): void {
    if (!plan.isFullScan && plan.isSorted) return;
    if (this.#maxScan !== undefined && plan.isFullScan && examined > this.#maxScan) {
      throw new EngineError(2, `a query on ${namespace} reads ${examined} documents for want of an index`);
    }
    if (examined < WORTH_A_WARNING) return;
    const shape = shapeOf(filter, sort);
    const key = `${namespace} ${shape}`;
    if (this.#told.has(key)) return;
    if (this.#told.size >= MAX_SHAPES) this.#told.clear();
    this.#told.add(key);
    this.#logger.warn({ namespace, examined, shape }, 'a query reads a collection without an index');
  }
}
