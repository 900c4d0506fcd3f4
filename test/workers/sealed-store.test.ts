import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createContentCipher, readKeyRing } from '../../lib/encryption/index.ts';
import { runEider } from '../support/eider-command.ts';
import { EVERY_ROW } from '../support/every-row.ts';
import { withServerDatabase } from '../support/server-database.ts';
import { makeDataDir } from '../support/server-process.ts';

const [RIGHT, OTHER] = ['1a'.repeat(32), '2b'.repeat(32)];
const RIGHT_ID = createContentCipher(readKeyRing(RIGHT)).currentKey;

describe('fsck of a store whose content is sealed', () => {
  let data: Awaited<ReturnType<typeof makeDataDir>>;
  const eider = (keys: string, ...args: readonly string[]): ReturnType<typeof runEider> =>
    runEider([...args, '--data-dir', data.path], 'correct horse\n', keys === '' ? {} : { EIDER_ENCRYPTION_KEYS: keys });

  before(async () => {
    data = await makeDataDir();
    assert.equal((await eider(RIGHT, 'user', 'add', 'ann', '--password-stdin')).code, 0);
    const mbox = join(data.path, 'old.mbox');
    const message = (n: number): string =>
      `From a@b Mon Nov  2 10:00:00 2026\nSubject: number ${String(n)}\n\ntext\n\n`;
    await writeFile(mbox, [1, 2].map(message).join(''));
    assert.equal((await eider(RIGHT, 'import', 'ann', mbox)).code, 0);
  });
  after(() => data.remove());

  it('says which key is missing', async () => {
    const none = await eider('', 'fsck');
    assert.equal(none.code, 1);
    assert.match(none.stderr, new RegExp(`: it is sealed with the key ${RIGHT_ID}, and no key is configured\n$`));
    const other = await eider(OTHER, 'fsck', '--repair');
    assert.equal(other.code, 1);
    assert.equal(other.stderr, '');
    assert.equal(other.stdout.match(new RegExp(`: sealed: .*: the key ${RIGHT_ID} is not there\n`, 'g'))?.length, 2);
    assert.match((await eider(`${OTHER},${RIGHT}`, 'fsck')).stdout, /2 messages: clean\n$/);
  });

  it('is told by a restore of it where the key is not there, rehearsed or not', async () => {
    const backups = join(data.path, 'backups');
    const other = await makeDataDir();
    const restore = (keys: string, ...more: readonly string[]): ReturnType<typeof runEider> => {
      const command = ['restore', backups, '--plain', '--data-dir', other.path, ...more];
      return runEider(command, '', keys === '' ? {} : { EIDER_ENCRYPTION_KEYS: keys });
    };
    const warned = new RegExp(`\nwarning: 2 messages are sealed with the content key ${RIGHT_ID}, .*\n$`);
    try {
      assert.equal((await eider(RIGHT, 'backup', backups, '--plain')).code, 0);
      const rehearsed = await restore(OTHER, '--dry-run');
      assert.deepEqual([rehearsed.code, warned.test(rehearsed.stdout)], [0, true], rehearsed.stdout);
      const readable = await restore(`${OTHER},${RIGHT}`, '--dry-run', '--json');
      assert.deepEqual((JSON.parse(readable.stdout) as Record<string, unknown>)['lackingKeys'], {});
      const restored = await restore('');
      assert.deepEqual([restored.code, warned.test(restored.stdout)], [0, true], restored.stdout);
    } finally {
      await other.remove();
    }
  });

  it('names the one document that does not open, and goes on with the others', async () => {
    await withServerDatabase(data.path, async ({ db }) => {
      const documents = db.collection('messages');
      const found = await documents.findOne(EVERY_ROW, { promoteBuffers: true });
      const skeleton = Buffer.from(found?.['skeleton'] as Buffer);
      skeleton[skeleton.length - 1] = (skeleton.at(-1) ?? 0) ^ 1;
      await documents.updateOne({ _id: found?._id as never }, { $set: { skeleton } });
    });
    const { code, stdout, stderr } = await eider(RIGHT, 'fsck');
    assert.deepEqual([code, stderr], [1, '']);
    assert.match(stdout, /: sealed: skeleton of message [0-9a-f]{32}: the content is not what was sealed\n/);
    assert.match(stdout, /2 messages: 1 damaged\n$/);
  });
});
