import { attachEmbedded } from '../../lib/embedded/index.ts';
import { openDatabase, type Database } from '../../lib/db/index.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { databaseOf, givenUri } from './given-database.ts';

/** Looks into the database of a running server, beside it. */
export async function withServerDatabase<T>(dataDir: string, look: (database: Database) => Promise<T>): Promise<T> {
  const uri = givenUri();
  if (uri !== undefined) return await lookInto(await openDatabase({ uri, name: databaseOf(dataDir) }), look);
  const engine = await attachEmbedded({ dataDir, logger: silentLogger });
  try {
    return await lookInto(await openDatabase({ uri: engine.uri }), look);
  } finally {
    await engine.close();
  }
}

async function lookInto<T>(database: Database, look: (database: Database) => Promise<T>): Promise<T> {
  try {
    return await look(database);
  } finally {
    await database.close();
  }
}
