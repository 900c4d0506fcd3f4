import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { Records } from '../catalog/records.ts';
import { EngineError } from '../errors/failure.ts';
import type { CheckTime } from '../plan/query-stream.ts';
import type { Store } from '../store/store.ts';
import type { Upkeep } from '../upkeep/upkeep.ts';
import type { Cursors } from './cursors.ts';
import type { Request } from './request.ts';
import type { RetryTable } from './retry-table.ts';

/** What commands work on. */
export interface Context {
  readonly store: Store;
  readonly catalog: Catalog;
  readonly records: Records;
  readonly cursors: Cursors;
  readonly retries: RetryTable;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Reading more documents than this for a query without bounds is an error; undefined logs it only. */
  readonly maxScan: number | undefined;
  /** Long work on the file; undefined for an engine that was given a store and no file. */
  readonly upkeep: Upkeep | undefined;
}

/** One command: whether it writes (and so waits for a commit), and what it does. */
export interface Command {
  readonly writes: boolean;
  /** @returns the reply, a document with `ok: 1` */
  readonly run: (context: Context, request: Request) => Buffer;
}

/** A command of long work that is done beside the engine and answered when it is over. */
export interface TaskCommand {
  readonly writes: false;
  /** @returns the reply, a document with `ok: 1` */
  readonly task: (context: Context, request: Request) => Promise<Buffer>;
}

/** @returns a check that throws MongoDB's error 50 once the request's time is over */
export function timeCheck(context: Context, request: Request): CheckTime {
  const { deadline } = request;
  if (deadline === undefined) return () => undefined;
  return () => {
    if (context.clock.monotonic() > deadline) throw new EngineError(50, 'operation exceeded time limit');
  };
}
