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

/** Of packed octets that make no sense; what says itself what it is passes. */
export function asDamage(error: unknown): MailError {
  return error instanceof MailError ? error : brokenJournal(`a segment cannot be read: ${String(error)}`);
}

/** Of a later program, which is no damage: it must not be made anew by this one. */
export function otherFormat(what: string): MailError {
  return new MailError('unavailable', 'The account is not available here at the moment', { cause: what });
}
