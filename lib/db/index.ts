export { openDatabase, type Database, type DatabaseOptions } from './database.ts';
export { isDuplicateKey, toTemporary, writeOutcome, type WriteOutcome } from './write-outcome.ts';
