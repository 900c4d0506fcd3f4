import { MailError } from '../kernel/errors.ts';

export type LoginOutcome =
  | 'success'
  | 'failure'
  /** Nobody knows whether the password was right; it counts as no attempt. */
  | 'undecided';

/** One attempt that may go on, after `delayMs`. */
export interface AdmittedLogin {
  readonly delayMs: number;
  /** To be called exactly once. */
  settle(outcome: LoginOutcome): void;
}

/**
 * Slows failed log-ins down. An attempt counts from the moment it is admitted until it succeeds, so that parallel
 * guesses gain nothing. An implementation may share its counts between nodes.
 */
export interface LoginLimiter {
  /**
   * @param remote network of the asker
   * @param account whom the log-in is for; one key however the user is named
   * @throws MailError `rate-limited` with the time after which the next attempt is due
   */
  admit(remote: string, account: string): Promise<AdmittedLogin>;
}

export function rateLimited(retryAfterMs: number): MailError {
  return new MailError('rate-limited', 'Too many failed log-ins, please try again later', {
    retryAfterMs: Math.ceil(retryAfterMs),
  });
}
