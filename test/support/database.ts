import { randomBytes } from 'node:crypto';
import { openDatabase, type Database, type DatabaseOptions } from '../../lib/db/index.ts';
import { borrowEngine } from './embedded-engine.ts';

/**
 * An empty database for one test file, dropped by `close`: on an embedded engine in this process, or on the server
 * that EIDER_TEST_MONGODB names.
 */
export async function openTestDatabase(options: Partial<DatabaseOptions> = {}): Promise<Database> {
  const given = options.uri ?? process.env['EIDER_TEST_MONGODB'];
  const engine = given === undefined ? await borrowEngine() : undefined;
  const uri = given ?? engine?.uri ?? '';
  const database = await openDatabase({ name: `test-${randomBytes(6).toString('hex')}`, ...options, uri });
  return {
    ...database,
    close: async () => {
      await database.db.dropDatabase();
      await database.close();
      await engine?.release();
    },
  };
}
