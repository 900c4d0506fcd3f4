import type { User } from '../accounts/index.ts';

export type AuthScope = 'master' | 'imap' | 'pop3' | 'smtp';

export interface LoginAttempt {
  /** User name or any of the user's addresses. */
  readonly username: string;
  readonly password: string;
  readonly scope: AuthScope;
  readonly protocol: 'IMAP' | 'POP3' | 'API' | 'SMTP';
  readonly remoteAddress: string;
}

export interface Auth {
  /**
   * Verifies off the event loop; unknown users and wrong passwords take the same time and give the same error;
   * failures are slowed down per remote address and per account.
   * @throws MailError `authentication-failed`, `account-disabled`, `rate-limited`, `unavailable`
   */
  login(attempt: LoginAttempt): Promise<User>;
}
