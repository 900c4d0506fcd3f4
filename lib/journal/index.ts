export type * from './journal.ts';
export { SystemFlag } from './journal.ts';
export { createMailboxes, openJournalStore, type Journal, type MailboxesOptions } from './mailboxes.ts';
export { createSocketHints, type SocketHintsOptions } from './hint-socket.ts';
export { createLocalHints, type Hints } from './hints.ts';
export { journalSection, type JournalSettings } from './settings.ts';
