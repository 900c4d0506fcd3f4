export type * from './journal.ts';
export { SystemFlag } from './journal.ts';
export { createMailboxes, openJournalStore, type Journal } from './mailboxes.ts';
export { createSocketHints } from './hint-socket.ts';
export { createLocalHints, type Hints } from './hints.ts';
export { createRedisHints } from './redis-hints.ts';
export { journalSection } from './settings.ts';
export { journalCollections } from './collections.ts';
