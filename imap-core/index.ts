/** The door: an IMAP server over whatever fulfils the session contract, and the renderers of what FETCH copies. */
export type { ImapLogger } from './commands/command.ts';
export type { ImapLimits } from './connection/limits.ts';
export { createImapServer, type ImapServer } from './connection/server.ts';
export type * from './protocol/body-structure.ts';
export type * from './protocol/envelope.ts';
export type { FlagChange, FlagSet } from './protocol/flags.ts';
export type { MailboxInfo, SpecialUse } from './protocol/mailbox.ts';
export type { UidRanges } from './protocol/number-range.ts';
export type { TextTerm } from './protocol/search-key.ts';
export { bodyStructureText } from './responses/body-structure.ts';
export { envelopeText } from './responses/envelope.ts';
export type { ImapBackend } from './session/backend.ts';
export type { DigestField, MessageContent, MessageDigest, MessagePart } from './session/message-content.ts';
export type {
  ColumnView,
  CopyResult,
  MailboxEvent,
  MessageRow,
  SelectedMailbox,
  StoreResult,
} from './session/selected-mailbox.ts';
export type { AppendMessage, AppendResult, Session, SessionLimits } from './session/session.ts';
export { SessionError, type SessionErrorCode } from './session/session-error.ts';
