import type { MailError, MailErrorCode } from '../../kernel/errors.ts';

/** Code (RFC 5321 section 4.2) and text, which begins with the enhanced status (RFC 3463). */
export interface LmtpReply {
  readonly code: number;
  readonly text: string;
}

const TRY_AGAIN: LmtpReply = { code: 451, text: '4.3.0 Temporary failure, please try again later' };
const NO_SUCH_USER: LmtpReply = { code: 550, text: '5.1.1 No such user here' };

/** How each failure is told to the MTA. What a delivery cannot meet is temporary: a bounce needs a reason. */
const REPLIES: Record<MailErrorCode, LmtpReply> = {
  internal: TRY_AGAIN,
  unavailable: { code: 451, text: '4.3.0 Storage is not available, please try again later' },
  'outcome-unknown': TRY_AGAIN,
  'shutting-down': { code: 451, text: '4.3.2 Shutting down, please try again later' },
  'authentication-failed': TRY_AGAIN,
  'authorization-failed': { code: 550, text: '5.7.1 Delivery is not allowed' },
  'privacy-required': TRY_AGAIN,
  'rate-limited': { code: 451, text: '4.7.1 Too much mail, please try again later' },
  'account-disabled': { code: 550, text: '5.2.1 This account is disabled' },
  'invalid-token': TRY_AGAIN,
  'invalid-auth-scope': TRY_AGAIN,
  'missing-privileges': TRY_AGAIN,
  'invalid-input': { code: 550, text: '5.1.3 Bad recipient address' },
  limit: { code: 452, text: '4.3.1 A limit of this account is reached' },
  'too-big': { code: 552, text: '5.3.4 Message is larger than this server accepts' },
  'over-quota': { code: 552, text: '5.2.2 Mailbox is full' },
  'not-permitted': { code: 550, text: '5.7.1 Delivery is not allowed' },
  'user-not-found': NO_SUCH_USER,
  'user-exists': TRY_AGAIN,
  'address-not-found': NO_SUCH_USER,
  'address-exists': TRY_AGAIN,
  'mailbox-not-found': TRY_AGAIN,
  'mailbox-exists': TRY_AGAIN,
  'mailbox-name-invalid': TRY_AGAIN,
  'mailbox-not-permitted': TRY_AGAIN,
  'mailbox-has-children': TRY_AGAIN,
  'message-not-found': TRY_AGAIN,
  'expunge-issued': TRY_AGAIN,
  'attachment-not-found': TRY_AGAIN,
};

export const TOO_MANY_RECIPIENTS: LmtpReply = { code: 452, text: '4.5.3 Too many recipients' };
export const TOO_MANY_CONNECTIONS: LmtpReply = {
  code: 421,
  text: '4.3.2 Too many connections, please try again later',
};
export const TOO_MANY_MESSAGES: LmtpReply = {
  code: 452,
  text: '4.3.2 Too many messages at once, please try again later',
};
export const SHUTTING_DOWN: LmtpReply = { code: 421, text: '4.3.2 Shutting down, please try again later' };
export const TOO_SLOW: LmtpReply = { code: 421, text: '4.4.2 The message took too long to arrive' };
export const TOO_MANY_ERRORS: LmtpReply = { code: 421, text: '4.7.0 Too many bad commands' };
export const UNKNOWN_PARAMETER: LmtpReply = { code: 555, text: '5.5.4 Parameter not supported' };

export function replyTo(error: MailError, settings: { readonly overQuotaIsTemporary: boolean }): LmtpReply {
  if (error.code === 'over-quota' && settings.overQuotaIsTemporary) {
    return { code: 452, text: '4.2.2 Mailbox is full' };
  }
  return REPLIES[error.code];
}
