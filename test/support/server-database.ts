import { attachEmbedded } from '../../lib/embedded/index.ts';
import { openDatabase, type Database } from '../../lib/db/index.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';

/** Looks into the database of a running server, beside it. */
export async function withServerDatabase<T>(dataDir: string, look: (database: Database) => Promise<T>): Promise<T> {
  const engine = await attachEmbedded({ dataDir, logger: silentLogger });
  try {
    const database = await openDatabase({ uri: engine.uri });
    try {
      return await look(database);
    } finally {
      await database.close();
    }
  } finally {
    await engine.close();
  }
}
