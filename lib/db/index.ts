export {
  createCoalescingInserter,
  type CoalescingInserter,
  type CoalescingInserterOptions,
  type InsertOutcome,
} from './coalescing-inserter.ts';
export { openDatabase, type Database, type DatabaseOptions } from './database.ts';
export { countRows, insertIfAbsent, literalPattern, orTemporary } from './row-access.ts';
export {
  insertManyOutcome,
  isDuplicateKey,
  toTemporary,
  writeOutcome,
  type DocumentOutcome,
  type WriteOutcome,
} from './write-outcome.ts';
export type { ConnectionUse } from './connection-use.ts';
