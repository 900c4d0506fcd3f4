import { BSON, MongoBulkWriteError, MongoError, MongoInvalidArgumentError, MongoServerError } from 'mongodb';
import { MailError } from '../kernel/errors.ts';

/** What is known about a write that threw. `unknown` may have been applied and is never compensated. */
export type WriteOutcome = 'duplicate' | 'failed' | 'unknown';

const DUPLICATE_KEY = 11000;

/**
 * Server errors that may come after the write was applied: interruptions, time limits, a primary that steps down
 * or loses its majority, lost connections between router and shard.
 */
const DOUBTFUL_CODES = new Set([
  6, 7, 50, 64, 79, 89, 91, 100, 189, 202, 262, 317, 358, 9001, 10058, 10107, 11600, 11601, 11602, 13435, 13436,
]);

/** Classifies an error of one write (not of a batch). */
export function writeOutcome(error: unknown): WriteOutcome {
  if (isDuplicateKey(error)) return 'duplicate';
  if (isUnsendable(error)) return 'failed';
  if (!(error instanceof MongoServerError)) return 'unknown';
  // A write-concern error says that the write was applied and may yet be rolled back.
  if (
    error instanceof MongoBulkWriteError ||
    'writeConcernError' in error ||
    error.hasErrorLabel('RetryableWriteError')
  )
    return 'unknown';
  return typeof error.code === 'number' && !DOUBTFUL_CODES.has(error.code) ? 'failed' : 'unknown';
}

/** The fate of each document of an `insertMany` that threw. */
export type DocumentOutcome = (index: number) => WriteOutcome | 'inserted' | 'not-attempted';

/** Classifies an error of `insertMany`. A write-concern error makes the fate of every document unknown. */
export function insertManyOutcome(error: unknown, isOrdered: boolean): DocumentOutcome {
  if (!(error instanceof MongoBulkWriteError)) {
    const outcome = writeOutcome(error);
    return () => outcome;
  }
  const failures = new Map(error.result.getWriteErrors().map(({ index, code }) => [index, code]));
  const isDoubtful =
    error.result.getWriteConcernError() !== undefined ||
    [...failures.values()].some((code) => DOUBTFUL_CODES.has(code));
  if (failures.size === 0) {
    const outcome = outcomeAsWhole(error);
    return () => outcome;
  }
  const first = Math.min(...failures.keys());
  return (index) => {
    const code = failures.get(index);
    if (code === DUPLICATE_KEY) return 'duplicate';
    if (isDoubtful) return 'unknown';
    if (code !== undefined) return 'failed';
    return isOrdered && index > first ? 'not-attempted' : 'inserted';
  };
}

/**
 * Of an `insertMany` without an error for any one document. The driver wraps whatever it met: its own errors as they
 * are, a refusal with the server's reply (`ok: 0`), a write-concern error with text and code alone.
 */
function outcomeAsWhole(error: MongoBulkWriteError): WriteOutcome {
  const met: unknown = error.errorResponse;
  if (met instanceof Error) return isDuplicateKey(met) ? 'unknown' : writeOutcome(met);
  const isRefusal = typeof met === 'object' && met !== null && 'ok' in met && met.ok === 0;
  if (!isRefusal || error.hasErrorLabel('RetryableWriteError')) return 'unknown';
  return typeof error.code === 'number' && error.code !== DUPLICATE_KEY && !DOUBTFUL_CODES.has(error.code)
    ? 'failed'
    : 'unknown';
}

/** Found before anything was sent: a document too large, or one that cannot be written as BSON. */
export function isUnsendable(error: unknown): boolean {
  return error instanceof MongoInvalidArgumentError || error instanceof BSON.BSONError;
}

export function isDuplicateKey(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === DUPLICATE_KEY;
}

/** What Node says of a write to a socket that has ended already; such errors come from no call of the system. */
const ENDED_SOCKET = new Set<unknown>([
  'EPIPE',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_WRITE_AFTER_END',
  'ERR_SOCKET_CLOSED',
]);

/** A socket's own error: the driver lets it through as it is where a connection breaks before or while it writes. */
function isSocketError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ('errno' in error && 'syscall' in error) || ('code' in error && ENDED_SOCKET.has(error.code));
}

/** For reads, and for writes whose retry is harmless: trouble behind the scenes becomes temporary. */
export function toTemporary(error: unknown): unknown {
  if (error instanceof MongoError || isSocketError(error)) {
    return new MailError('unavailable', 'Storage is not available at the moment, please try again', {
      cause: error,
      retryAfterMs: 5000,
    });
  }
  return error;
}
