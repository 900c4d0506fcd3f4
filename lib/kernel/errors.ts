/**
 * Every failure a stranger may hear of. The union is closed: a face (IMAP, HTTP, POP3, LMTP) holds a
 * `Record<MailErrorCode, …>`, so a new code does not compile until every face knows how to say it.
 */
export type MailErrorCode =
  // trouble behind the scenes: always temporary
  | 'internal'
  | 'unavailable'
  | 'outcome-unknown'
  | 'shutting-down'
  // who is asking
  | 'authentication-failed'
  | 'authorization-failed'
  | 'privacy-required'
  | 'rate-limited'
  | 'account-disabled'
  | 'invalid-token'
  | 'invalid-auth-scope'
  | 'missing-privileges'
  // what is asked
  | 'invalid-input'
  | 'limit'
  | 'too-big'
  | 'over-quota'
  | 'not-permitted'
  // identity
  | 'user-not-found'
  | 'user-exists'
  | 'address-not-found'
  | 'address-exists'
  // mailboxes and messages
  | 'mailbox-not-found'
  | 'mailbox-exists'
  | 'mailbox-name-invalid'
  | 'mailbox-not-permitted'
  | 'mailbox-has-children'
  | 'message-not-found'
  | 'expunge-issued'
  | 'attachment-not-found';

export interface MailErrorOptions {
  /** What went wrong underneath; goes to the log, never to a peer. */
  readonly cause?: unknown;
  /** Field name → sentence, for faults of input. */
  readonly details?: ReadonlyMap<string, string>;
  /** When to try again, in milliseconds from now; only for temporary failures. */
  readonly retryAfterMs?: number;
}

/** A failure with a closed `code`, a sentence that a stranger may read, and a cause that only the log sees. */
export class MailError extends Error {
  override readonly name = 'MailError';
  readonly code: MailErrorCode;
  readonly details: ReadonlyMap<string, string> | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: MailErrorCode, message: string, options: MailErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** True for failures that may succeed when tried again: trouble behind the scenes, never the asker's fault. */
export function isTemporary(code: MailErrorCode): boolean {
  return (
    code === 'internal' ||
    code === 'unavailable' ||
    code === 'outcome-unknown' ||
    code === 'shutting-down' ||
    code === 'rate-limited'
  );
}

/**
 * Whatever was thrown, as a MailError. A MailError passes; anything else becomes `internal`, bland for the
 * peer and with its cause for the log.
 */
export function toMailError(thrown: unknown): MailError {
  if (thrown instanceof MailError) return thrown;
  return new MailError('internal', 'Internal error, please try again later', { cause: thrown });
}
