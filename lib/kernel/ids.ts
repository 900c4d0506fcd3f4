import { randomBytes } from 'node:crypto';

declare const brand: unique symbol;
type Branded<T, B extends string> = T & { readonly [brand]: B };

/** A user's row: 24 hexadecimal digits (12 random octets). What the HTTP API calls the user id. */
export type UserId = Branded<string, 'UserId'>;
/** A journal: 24 hexadecimal digits. Named by the user's row; a restore writes a new one. */
export type AccountId = Branded<string, 'AccountId'>;
/** 24 hexadecimal digits; unique within the account and kept through renames. */
export type MailboxId = Branded<string, 'MailboxId'>;
/** 32 hexadecimal digits (16 octets); names immutable message data within an account. IMAP's EMAILID. */
export type MessageId = Branded<string, 'MessageId'>;
/** SHA-256 of the stored octets of an attachment, 64 hexadecimal digits. */
export type AttachmentId = Branded<string, 'AttachmentId'>;
/** IMAP unique identifier, 1 … 2^32-1, within a mailbox and UIDVALIDITY (RFC 3501 section 2.3.1.1). */
export type Uid = Branded<number, 'Uid'>;

const HEX_24 = /^[0-9a-f]{24}$/;
const HEX_32 = /^[0-9a-f]{32}$/;

/** A fresh id of 12 random octets. */
export function newUserId(): UserId {
  return randomBytes(12).toString('hex') as UserId;
}

export function newAccountId(): AccountId {
  return randomBytes(12).toString('hex') as AccountId;
}

export function newMailboxId(): MailboxId {
  return randomBytes(12).toString('hex') as MailboxId;
}

/** The text as an id, or undefined where it is not one; never throws, for text comes from strangers. */
export function parseUserId(text: string): UserId | undefined {
  return HEX_24.test(text) ? (text as UserId) : undefined;
}

export function parseAccountId(text: string): AccountId | undefined {
  return HEX_24.test(text) ? (text as AccountId) : undefined;
}

export function parseMailboxId(text: string): MailboxId | undefined {
  return HEX_24.test(text) ? (text as MailboxId) : undefined;
}

export function parseMessageId(text: string): MessageId | undefined {
  return HEX_32.test(text) ? (text as MessageId) : undefined;
}
