import { isTemporary, type MailError, type MailErrorCode } from '../../lib/kernel/errors.ts';

interface ErrorFace {
  readonly status: number;
  readonly code: string;
}

/** How each failure looks to a client of the API: the codes that existing clients know, the status that is true. */
const FACES: Readonly<Record<MailErrorCode, ErrorFace>> = {
  internal: { status: 503, code: 'InternalServerError' },
  unavailable: { status: 503, code: 'InternalDatabaseError' },
  'outcome-unknown': { status: 503, code: 'InternalDatabaseError' },
  'shutting-down': { status: 503, code: 'ServiceUnavailable' },
  'authentication-failed': { status: 403, code: 'AuthFailed' },
  'authorization-failed': { status: 403, code: 'AuthFailed' },
  'privacy-required': { status: 403, code: 'PrivacyRequired' },
  'rate-limited': { status: 403, code: 'RateLimitedError' },
  'account-disabled': { status: 403, code: 'UserDisabled' },
  'invalid-token': { status: 403, code: 'InvalidToken' },
  'invalid-auth-scope': { status: 403, code: 'InvalidAuthScope' },
  'missing-privileges': { status: 403, code: 'MissingPrivileges' },
  'invalid-input': { status: 400, code: 'InputValidationError' },
  limit: { status: 400, code: 'LimitReached' },
  'too-big': { status: 413, code: 'MessageTooLarge' },
  'over-quota': { status: 400, code: 'OverQuotaError' },
  'not-permitted': { status: 400, code: 'NotPermitted' },
  'user-not-found': { status: 404, code: 'UserNotFound' },
  'user-exists': { status: 400, code: 'UserExistsError' },
  'address-not-found': { status: 404, code: 'AddressNotFound' },
  'address-exists': { status: 400, code: 'AddressExistsError' },
  'mailbox-not-found': { status: 404, code: 'NoSuchMailbox' },
  'mailbox-exists': { status: 400, code: 'MailboxExistsError' },
  'mailbox-name-invalid': { status: 400, code: 'InputValidationError' },
  'mailbox-not-permitted': { status: 400, code: 'DisallowedMailboxMethod' },
  'mailbox-has-children': { status: 400, code: 'DisallowedMailboxMethod' },
  'message-not-found': { status: 404, code: 'MessageNotFound' },
  'expunge-issued': { status: 404, code: 'MessageNotFound' },
  'attachment-not-found': { status: 404, code: 'AttachmentNotFound' },
};

/** What a temporary failure without a time of its own tells the client to wait. */
const RETRY_AFTER_MS = 5000;

export interface ErrorAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
}

/** The answer to a failure; its cause stays behind. */
export function toErrorAnswer(error: MailError): ErrorAnswer {
  const { status, code } = FACES[error.code];
  const retryAfterMs = error.retryAfterMs ?? (isTemporary(error.code) ? RETRY_AFTER_MS : undefined);
  // A bad token has its text under another key: so clients know it.
  const text = error.code === 'invalid-token' ? { code, message: error.message } : { error: error.message, code };
  return {
    status,
    headers: retryAfterMs === undefined ? {} : { 'Retry-After': String(Math.max(1, Math.ceil(retryAfterMs / 1000))) },
    body: { ...text, ...(error.details !== undefined && { details: Object.fromEntries(error.details) }) },
  };
}
