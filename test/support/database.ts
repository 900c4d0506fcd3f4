import { randomBytes } from 'node:crypto';
import { openDatabase, type Database, type DatabaseOptions } from '../../lib/db/index.ts';

/** An empty database for one test file on the server under test, dropped by `close`. */
export async function openTestDatabase(options: Partial<DatabaseOptions> = {}): Promise<Database> {
  const uri = process.env['EIDER_TEST_MONGODB'] ?? 'mongodb://127.0.0.1:27117/?directConnection=true';
  const database = await openDatabase({ uri, name: `test-${randomBytes(6).toString('hex')}`, ...options });
  return {
    ...database,
    close: async () => {
      await database.db.dropDatabase();
      await database.close();
    },
  };
}
