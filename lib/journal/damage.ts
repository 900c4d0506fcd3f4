import { MailError } from '../kernel/errors.ts';

/** See `brokenJournal`. */
class BrokenJournal extends MailError {}

/**
 * A journal that cannot be read on: what comes after is there and must not be applied, so nothing is decided or
 * served on what came before. Temporary, for it may be mended.
 */
export function brokenJournal(cause: string): MailError {
  return new BrokenJournal('unavailable', 'The account is not available at the moment, please try again later', {
    cause,
  });
}

/** Tells it from a database that does not answer, which says nothing of the journal. */
export function isBrokenJournal(error: unknown): error is MailError {
  return error instanceof BrokenJournal;
}
