import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { migrateDatabase, readUnfinished } from '../../lib/db/index.ts';
import { runEider } from '../support/eider-command.ts';
import { EVERY_ROW } from '../support/every-row.ts';
import { withServerDatabase } from '../support/server-database.ts';
import { makeDataDir } from '../support/server-process.ts';
import { openTestStore } from './test-store.ts';

describe('a migration whose source was lost after --online', () => {
  let data: Awaited<ReturnType<typeof makeDataDir>>;
  const accept = (...damaged: readonly string[]): ReturnType<typeof runEider> =>
    runEider(['fsck', '--data-dir', data.path, '--accept-migration', ...damaged]);
  const isMarked = (): Promise<boolean> =>
    withServerDatabase(data.path, async (database) => (await readUnfinished(database)) !== undefined);

  before(async () => {
    data = await makeDataDir();
    const source = await openTestStore();
    try {
      await source.addUser('anna');
      await source.append('anna', 'INBOX', Buffer.from('Subject: x\r\n\r\nx\r\n'));
      await withServerDatabase(data.path, async (target) => {
        const nothing = (): void => undefined;
        const options = { sourceName: 'x', isStill: false, onProgress: nothing, onMended: nothing };
        await migrateDatabase(source.database, target, { ...options, requireStill: () => Promise.resolve() });
      });
    } finally {
      await source.close();
    }
  });
  after(() => data.remove());

  it('is not accepted before each collection was copied to its end', async () => {
    const setCopied = (isCopied: boolean): Promise<unknown> =>
      withServerDatabase(data.path, async ({ db }) => {
        const notes = db.collection<{ _id: string }>('unfinished');
        if (isCopied) await notes.insertOne({ _id: 'copied' });
        else assert.equal((await notes.deleteOne({ _id: 'copied' })).deletedCount, 1);
      });
    await setCopied(false);
    const { code, stderr } = await accept();
    assert.deepEqual([code, /had not yet copied/.test(stderr), await isMarked()], [1, true, true], stderr);
    await setCopied(true);
  });

  it('is not accepted where something is damaged, unless that is asked for', async () => {
    await withServerDatabase(data.path, async ({ db }) => {
      assert.equal((await db.collection('messages').deleteMany(EVERY_ROW)).deletedCount, 1);
    });
    const refused = await accept();
    assert.deepEqual([refused.code, /not accepted/.test(refused.stderr), await isMarked()], [1, true, true]);
    const { code, stdout } = await accept('damaged');
    assert.deepEqual([code, /The copy is accepted/.test(stdout), await isMarked()], [1, true, false], stdout);
    assert.equal((await runEider(['user', 'list', '--data-dir', data.path])).code, 0);
  });
});
