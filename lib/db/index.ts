export { WHOLE_COLLECTION_WORK, type CollectionLayout } from './collection-layout.ts';
export {
  createCoalescingInserter,
  type CoalescingInserter,
  type CoalescingInserterOptions,
} from './coalescing-inserter.ts';
export { openDatabase, type Database, type DatabaseOptions } from './database.ts';
export { decodeRawDocument, openRawDocuments, withRawKey, type RawDocuments, type RawRange } from './raw-documents.ts';
export { rowToText, textToRow } from './row-text.ts';
export { compareDatabases, type Comparison, type Difference } from './compare-databases.ts';
export { openDatabaseCopy, TargetInUse } from './copy-database.ts';
export { migrateDatabase, type MigrationReport } from './migrate-database.ts';
export { inspectDatabase } from './inspect-database.ts';
export { planPreparation, runPreparationStep, stepText } from './plan-preparation.ts';
export { clocksApart, requireRightClock } from './right-clock.ts';
export { createRestoreNotes, type RestoreNotes, type StoreRestore } from './restore-notes.ts';
export { acceptCopy, readUnfinished, type UnfinishedWork } from './unfinished-work.ts';
export { countRows, insertIfAbsent, literalPattern, orTemporary } from './row-access.ts';
export { insertManyOutcome, isDuplicateKey, toTemporary, writeOutcome } from './write-outcome.ts';
