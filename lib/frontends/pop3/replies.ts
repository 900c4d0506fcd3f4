import type { MailErrorCode } from '../../kernel/errors.ts';

const TRY_AGAIN = '[SYS/TEMP] Internal error, please try again later';
const REFUSED = '[AUTH] Authentication failed';

/**
 * What follows `-ERR` (response codes: RFC 2449 section 8, RFC 3206). Trouble behind is `[SYS/TEMP]` and never
 * `[AUTH]`, which makes clients forget the password. An unknown outcome has no text: the connection ends.
 */
export const REPLIES: Record<MailErrorCode, string | undefined> = {
  internal: TRY_AGAIN,
  unavailable: '[SYS/TEMP] Storage is not available, please try again later',
  'outcome-unknown': undefined,
  'shutting-down': '[SYS/TEMP] Shutting down, please try again later',
  'authentication-failed': REFUSED,
  'authorization-failed': '[AUTH] Access is not allowed',
  'privacy-required': 'Log in over TLS only: use STLS first',
  'rate-limited': '[SYS/TEMP] Too many attempts, please try again later',
  'account-disabled': '[SYS/PERM] This account is disabled',
  'invalid-token': REFUSED,
  'invalid-auth-scope': '[AUTH] POP3 is not allowed for this account',
  'missing-privileges': '[AUTH] Access is not allowed',
  'invalid-input': 'Invalid argument',
  limit: '[IN-USE] Too many sessions of this user',
  'too-big': TRY_AGAIN,
  'over-quota': TRY_AGAIN,
  'not-permitted': 'Not allowed',
  'user-not-found': '[SYS/TEMP] The account is not there any more',
  'user-exists': TRY_AGAIN,
  'address-not-found': TRY_AGAIN,
  'address-exists': TRY_AGAIN,
  'mailbox-not-found': TRY_AGAIN,
  'mailbox-exists': TRY_AGAIN,
  'mailbox-name-invalid': TRY_AGAIN,
  'mailbox-not-permitted': TRY_AGAIN,
  'mailbox-has-children': TRY_AGAIN,
  'message-not-found': 'No such message',
  'expunge-issued': 'No such message',
  'attachment-not-found': TRY_AGAIN,
};
