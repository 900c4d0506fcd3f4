import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { ApiClient } from '../support/api-client.ts';
import { runEider } from '../support/eider-command.ts';
import { EVERY_ROW } from '../support/every-row.ts';
import { withServerDatabase } from '../support/server-database.ts';
import { ImapClient } from '../support/imap-client.ts';
import { LmtpClient } from '../support/lmtp-client.ts';
import { makeDataDir, startServer, type ServerProcess } from '../support/server-process.ts';

const PASSWORD = 'correct horse';

/** A message with one attachment of the given octets. */
function withAttachment(octets: Buffer): Buffer {
  const encoded = octets.toString('base64').replace(/.{76}/g, '$&\r\n');
  return Buffer.from(
    'From: a@example.org\r\nTo: b@example.com\r\nSubject: files\r\nMIME-Version: 1.0\r\n' +
      'Content-Type: multipart/mixed; boundary="edge"\r\n\r\n--edge\r\nContent-Type: text/plain\r\n\r\nsee below\r\n--edge\r\n' +
      'Content-Type: application/octet-stream; name="data.bin"\r\nContent-Transfer-Encoding: base64\r\n' +
      `Content-Disposition: attachment; filename="data.bin"\r\n\r\n${encoded}\r\n--edge--\r\n`,
  );
}

describe('one attachment for many', () => {
  let data: Awaited<ReturnType<typeof makeDataDir>>;
  let server: ServerProcess;
  let api: ApiClient;

  before(async () => {
    data = await makeDataDir();
    server = await startServer(data.path);
    api = new ApiClient(server.ready.api.url, server.ready.adminToken);
  });
  after(async () => {
    await server.stop();
    await data.remove();
  });

  it('stores 1 MiB sent to 20 accounts once, and nothing after the last copy is expunged and swept', async (t) => {
    const recipients: string[] = [];
    for (let n = 0; n < 20; n += 1) {
      await api.createUser(`share${String(n)}`, PASSWORD, { address: `share${String(n)}@example.com` });
      recipients.push(`share${String(n)}@example.com`);
    }
    const lmtp = await LmtpClient.connect(server.ready.lmtp);
    const attachment = randomBytes(1024 * 1024);
    const replies = await lmtp.deliver(withAttachment(attachment), recipients);
    assert.deepEqual(
      replies.map((reply) => reply.slice(0, 3)),
      Array.from({ length: 20 }, () => '250'),
    );
    await lmtp.quit();

    const count = (): Promise<{ chunks: number; octets: number; files: number }> =>
      withServerDatabase(data.path, async (database) => {
        const chunks = await database.db.collection('attachmentFiles.chunks').find(EVERY_ROW).toArray();
        return {
          chunks: chunks.length,
          octets: chunks.reduce((sum, chunk) => sum + (chunk['data'] as { length(): number }).length(), 0),
          files: await database.db.collection('attachmentFiles.files').countDocuments(EVERY_ROW),
        };
      });
    const stored = await count();
    assert.equal(stored.files, 1);
    assert.ok(
      stored.octets >= attachment.length && stored.octets < attachment.length * 1.1,
      `${String(stored.octets)} octets in chunks`,
    );

    for (let n = 0; n < 20; n += 1) {
      const imap = await ImapClient.login(server.ready.imap, `share${String(n)}`, PASSWORD);
      await imap.ok('SELECT INBOX');
      await imap.ok('STORE 1:* +FLAGS.SILENT (\\Deleted)');
      await imap.ok('EXPUNGE');
      await imap.logout();
    }
    const swept = await runEider(['gc', '--older-than', '0s', '--data-dir', data.path]);
    assert.equal(swept.code, 0, swept.stderr);
    assert.deepEqual(await count(), { chunks: 0, octets: 0, files: 0 });
    t.diagnostic(
      `20 accounts: ${String(stored.files)} file, ${String(stored.chunks)} chunks of ${String(stored.octets)} octets; after gc none`,
    );
  });
});
