export { openDatabase, type Database, type DatabaseOptions } from './database.ts';
export { countRows, insertIfAbsent, literalPattern, orTemporary } from './row-access.ts';
export { isDuplicateKey, toTemporary, writeOutcome, type WriteOutcome } from './write-outcome.ts';
