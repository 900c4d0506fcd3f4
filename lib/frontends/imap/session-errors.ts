import { SessionError, type SessionErrorCode } from '../../../imap-core/index.ts';
import { toMailError, type MailErrorCode } from '../../kernel/errors.ts';

/** How each failure of the store is said in IMAP (RFC 5530). */
const CODES: Readonly<Record<MailErrorCode, SessionErrorCode>> = {
  internal: 'SERVERBUG',
  unavailable: 'UNAVAILABLE',
  'outcome-unknown': 'outcome-unknown',
  'shutting-down': 'UNAVAILABLE',
  'authentication-failed': 'AUTHENTICATIONFAILED',
  'authorization-failed': 'AUTHORIZATIONFAILED',
  'privacy-required': 'PRIVACYREQUIRED',
  'rate-limited': 'LIMIT',
  'account-disabled': 'CONTACTADMIN',
  'invalid-token': 'AUTHENTICATIONFAILED',
  'invalid-auth-scope': 'AUTHORIZATIONFAILED',
  'missing-privileges': 'NOPERM',
  'invalid-input': 'CANNOT',
  limit: 'LIMIT',
  'too-big': 'TOOBIG',
  'over-quota': 'OVERQUOTA',
  'not-permitted': 'NOPERM',
  'user-not-found': 'session-over',
  'user-exists': 'ALREADYEXISTS',
  'address-not-found': 'NONEXISTENT',
  'address-exists': 'ALREADYEXISTS',
  'mailbox-not-found': 'NONEXISTENT',
  'mailbox-exists': 'ALREADYEXISTS',
  'mailbox-name-invalid': 'CANNOT',
  'mailbox-not-permitted': 'CANNOT',
  'mailbox-has-children': 'HASCHILDREN',
  'message-not-found': 'NONEXISTENT',
  'expunge-issued': 'EXPUNGEISSUED',
  'attachment-not-found': 'NONEXISTENT',
};

/** Where a missing mailbox is the target of APPEND, COPY or MOVE (RFC 3501 section 7.1, TRYCREATE). */
const TARGET_CODES: ReadonlyMap<MailErrorCode, SessionErrorCode> = new Map([['mailbox-not-found', 'TRYCREATE']]);

/** Whatever the store threw, as what imap-core understands. */
export function toSessionError(thrown: unknown): SessionError {
  if (thrown instanceof SessionError) return thrown;
  const error = toMailError(thrown);
  return new SessionError(CODES[error.code], error.message, error.cause ?? error);
}

/** Runs one call into the store and translates its failure. */
export async function translated<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (thrown) {
    throw toSessionError(thrown);
  }
}

/** As `translated`, for calls that name a target mailbox. */
export async function translatedForTarget<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (thrown) {
    const error = toMailError(thrown);
    const code = TARGET_CODES.get(error.code);
    throw code === undefined ? toSessionError(thrown) : new SessionError(code, error.message, error);
  }
}
