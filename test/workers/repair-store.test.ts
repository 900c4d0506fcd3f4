import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { runEider } from '../support/eider-command.ts';
import { ApiClient } from '../support/api-client.ts';
import { EVERY_ROW } from '../support/every-row.ts';
import { LmtpClient } from '../support/lmtp-client.ts';
import { withServerDatabase } from '../support/server-database.ts';
import { makeDataDir, startServer } from '../support/server-process.ts';

const message = (file: Buffer): Buffer =>
  Buffer.from(
    'From: a@example.org\r\nSubject: with a file\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n' +
      '--b\r\nContent-Type: text/plain\r\n\r\ntext\r\n--b\r\nContent-Type: application/octet-stream\r\n' +
      `Content-Transfer-Encoding: base64\r\n\r\n${file.toString('base64').replace(/(.{76})/g, '$1\r\n')}\r\n--b--\r\n`,
  );

describe('fsck --repair', () => {
  let data: Awaited<ReturnType<typeof makeDataDir>>;
  const fsck = (...flags: readonly string[]): ReturnType<typeof runEider> =>
    runEider(['fsck', '--data-dir', data.path, ...flags]);

  before(async () => {
    data = await makeDataDir();
    const server = await startServer(data.path);
    const api = new ApiClient(server.ready.api.url, server.ready.adminToken);
    await api.createUser('mended', 'correct horse', { address: 'mended@example.com' });
    const lmtp = await LmtpClient.connect(server.ready.lmtp);
    await lmtp.deliver(message(randomBytes(40_000)), ['mended@example.com']);
    await lmtp.quit();
    assert.equal(await server.stop(), 0);
  });
  after(() => data.remove());

  it('makes again what can be made again, looks once more, and says what it did', async () => {
    await withServerDatabase(data.path, async ({ db }) => {
      await db.collection('attachmentRefs').deleteMany(EVERY_ROW);
      await db.collection('messages').updateMany(EVERY_ROW, { $set: { parts: Buffer.from([0xff]) } });
      const { insertedId } = await db.collection<{ _id: string; v: number }>('addresses').insertOne({
        ...(await db.collection('addresses').findOne(EVERY_ROW)),
        _id: 'nobody@example.com',
        user: randomBytes(12),
      } as never);
      assert.equal(insertedId, 'nobody@example.com');
    });
    const found = await fsck();
    assert.equal(found.code, 1);
    assert.match(found.stdout, /missing-ref/);
    assert.match(found.stdout, /bad-rendering/);

    const repaired = await fsck('--repair');
    assert.match(repaired.stdout, /its attachments are referred to again/);
    assert.match(repaired.stdout, /it was rendered again/);
    assert.match(repaired.stdout, /repairs, clean\n$/);
    assert.equal(repaired.code, 0, repaired.stdout + repaired.stderr);
    assert.match((await fsck()).stdout, /^1 users, \d+ mailboxes, 1 messages: clean\n$/);
  });

  it('cannot make octets again, and goes on naming them', async () => {
    await withServerDatabase(data.path, async ({ db }) => {
      await db.collection('attachmentFiles.chunks').deleteMany(EVERY_ROW);
    });
    const repaired = await fsck('--repair');
    assert.equal(repaired.code, 1);
    assert.match(repaired.stdout, /unreadable: .*chunks are missing/);
    assert.match(repaired.stdout, /: 1 damaged\n$/);
  });
});
