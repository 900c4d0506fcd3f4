import { createHash } from 'node:crypto';
import { openDatabase } from '../../lib/db/index.ts';

/** The server of MongoDB's protocol that a run of the tests is to use in place of the embedded engine. */
export const givenUri = (): string | undefined => process.env['EIDER_TEST_MONGODB'];

/** Why a test of the embedded engine's own life is skipped, false where the engine is what serves. */
export const withoutEngine = (): string | false =>
  givenUri() === undefined ? false : 'about the embedded engine, and another database is given';

/** A database of its own for each data directory, so that servers of one directory share it and others do not. */
export function databaseOf(dataDir: string): string {
  return `eider-test-${createHash('sha256').update(dataDir).digest('hex').slice(0, 12)}`;
}

/** The settings that lead a server or command of this data directory to the given database, as variables. */
export function databaseVariables(dataDir: string): Record<string, string> {
  const uri = givenUri();
  return uri === undefined ? {} : { EIDER_DATABASE_URI: uri, EIDER_DATABASE_NAME: databaseOf(dataDir) };
}

/** Drops what the data directory's servers kept in the given database. */
export async function dropDatabaseOf(dataDir: string): Promise<void> {
  const uri = givenUri();
  if (uri === undefined) return;
  const database = await openDatabase({ uri, name: databaseOf(dataDir) });
  try {
    await database.db.dropDatabase();
  } finally {
    await database.close();
  }
}
