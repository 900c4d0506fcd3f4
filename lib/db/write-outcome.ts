import { MongoError, MongoServerError, MongoBulkWriteError } from 'mongodb';
import { MailError } from '../kernel/errors.ts';

/** What is known about a write that threw. `unknown` may have been applied and is never compensated. */
export type WriteOutcome = 'duplicate' | 'failed' | 'unknown';

const DUPLICATE_KEY = 11000;

/** Classifies an error of one write (not of a batch). */
export function writeOutcome(error: unknown): WriteOutcome {
  if (isDuplicateKey(error)) return 'duplicate';
  if (error instanceof MongoServerError) {
    // A write-concern error says that the write was applied and may yet be rolled back.
    if (error instanceof MongoBulkWriteError || 'writeConcernError' in error || error.hasErrorLabel('RetryableWriteError')) return 'unknown';
    return 'failed';
  }
  return 'unknown';
}

export function isDuplicateKey(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === DUPLICATE_KEY;
}

/** For reads, and for writes whose retry is harmless: trouble behind the scenes becomes temporary. */
export function toTemporary(error: unknown): unknown {
  if (error instanceof MongoError) {
    return new MailError('unavailable', 'Storage is not available at the moment, please try again', { cause: error, retryAfterMs: 5000 });
  }
  return error;
}
