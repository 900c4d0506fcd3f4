import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { Records } from '../catalog/records.ts';
import type { Source } from '../plan/query-stream.ts';
import { Slice, type Work } from '../plan/slice.ts';
import type { Upkeep } from '../upkeep/upkeep.ts';
import type { Cursors } from './cursors.ts';
import type { Explanation } from './explanation.ts';
import type { Request } from './request.ts';
import type { RetryTable } from './retry-table.ts';
import type { ScanLog } from './scan-limit.ts';

/** What commands work on. */
export interface Context extends Source {
  readonly records: Records;
  readonly cursors: Cursors;
  readonly retries: RetryTable;
  readonly scans: ScanLog;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Long work on the file; undefined for an engine that was given a store and no file. */
  readonly upkeep: Upkeep | undefined;
}

/** The keys of documents that a write is about to look at again, gathered before its turn came. */
export type ReadAhead = readonly Buffer[];

/** A command that only reads: at once, or in slices. Replies are documents with `ok: 1`. */
export interface ReadCommand {
  readonly writes: false;
  readonly run: (context: Context, request: Request, slice: Slice) => Buffer | Work<Buffer>;
  readonly explain?: (context: Context, request: Request) => Explanation;
}

/** A command that writes. It waits for a commit, and does all that it does in one step. */
export interface WriteCommand {
  readonly writes: true;
  readonly run: (context: Context, request: Request, ahead: ReadAhead | undefined) => Buffer;
  /** Finds in slices what is to be written, where that may take long; undefined where it cannot. */
  readonly readAhead?: (context: Context, request: Request, slice: Slice) => Work<ReadAhead> | undefined;
  readonly explain?: (context: Context, request: Request) => Explanation;
}

/** A command of long work that is done beside the engine and answered when it is over. */
export interface TaskCommand {
  readonly writes: false;
  /** @returns the reply, a document with `ok: 1` */
  readonly task: (context: Context, request: Request) => Promise<Buffer>;
}

export type Command = ReadCommand | WriteCommand | TaskCommand;

/** For what has to be done in one step: a slice without an end, but with the request's deadline. */
export function wholeSlice(context: Context, request: Request): Slice {
  return new Slice(context.clock, request.deadline);
}
