import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { ApiClient } from '../support/api-client.ts';
import { corpusMessages } from '../support/corpora.ts';
import { ImapClient } from '../support/imap-client.ts';
import { LmtpClient } from '../support/lmtp-client.ts';
import { Pop3Client } from '../support/pop3-client.ts';
import { makeDataDir, startServer, type ServerProcess } from '../support/server-process.ts';

/** What goes in comes out (promise P11), for every message of every corpus and every way in and out. */

const PASSWORD = 'correct horse';
const TRACE_FIELDS = ['Return-Path:', 'Delivered-To:', 'Received:'];

const sha256 = (octets: Buffer): string => createHash('sha256').update(octets).digest('hex');
const endsWithLine = (octets: Buffer): boolean =>
  octets.length === 0 || (octets.length > 1 && octets.subarray(-2).equals(Buffer.from('\r\n')));

/** What DATA carries: the CRLF before the final dot belongs to the message. */
const asData = (octets: Buffer): Buffer =>
  endsWithLine(octets) ? octets : Buffer.concat([octets, Buffer.from('\r\n')]);

/** The message as lines: every bare LF as CRLF, the last CRLF added. */
function asLines(octets: Buffer): Buffer {
  const text = octets.toString('latin1').replace(/\r?\n/g, '\r\n');
  return Buffer.from(text === '' || text.endsWith('\r\n') ? text : `${text}\r\n`, 'latin1');
}

/** Cuts what stands before the message and checks that it is the three trace fields and nothing else. */
function withoutTrace(octets: Buffer, messageOctets: number): Buffer {
  const length = octets.length - messageOctets;
  const trace = octets.toString('latin1', 0, length);
  assert.deepEqual(
    trace.split(/\r\n(?![ \t])/).map((field) => field.slice(0, field.indexOf(':') + 1)),
    [...TRACE_FIELDS, ''],
  );
  return octets.subarray(length);
}

async function inOddPieces(imap: ImapClient, uid: number, step: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (let at = 0; ; at += step) {
    const piece = await imap.body(uid, '', `<${String(at)}.${String(step)}>`);
    pieces.push(piece);
    if (piece.length < step) return Buffer.concat(pieces);
  }
}

describe('octets, end to end', () => {
  const messages = corpusMessages();
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

  /** Reads a user's INBOX by every way out and compares with what is expected, in order of UID. */
  async function compareAll(
    username: string,
    userId: string,
    expected: readonly { name: string; octets: Buffer }[],
    cut: (octets: Buffer, messageOctets: number) => Buffer,
  ): Promise<void> {
    const imap = await ImapClient.login(server.ready.imap, username, PASSWORD);
    await imap.ok('SELECT INBOX');
    const uids = await imap.uids();
    assert.equal(uids.length, expected.length);
    const mailbox = await api.mailboxId(userId, 'INBOX');
    const pop3 = await Pop3Client.login(server.ready.pop3, username, PASSWORD);
    const sizes = (await pop3.multiLine('LIST'))
      .toString()
      .trim()
      .split('\r\n')
      .map((line) => Number(line.split(' ')[1]));
    for (const [index, { name, octets }] of expected.entries()) {
      const uid = uids[index] ?? 0;
      const whole = await imap.body(uid);
      assert.equal(sha256(cut(whole, octets.length)), sha256(octets), `IMAP BODY[] of ${name}`);
      const step = Math.max(997, Math.ceil(whole.length / 7)) | 1;
      assert.equal(sha256(await inOddPieces(imap, uid, step)), sha256(whole), `IMAP partials of ${name}`);
      const raw = await api.ok('GET', `/users/${userId}/mailboxes/${mailbox}/messages/${String(uid)}/message.eml`);
      assert.equal(sha256(raw.octets), sha256(whole), `message.eml of ${name}`);
      const retrieved = await pop3.multiLine(`RETR ${String(index + 1)}`);
      assert.equal(sha256(retrieved), sha256(asLines(whole)), `RETR of ${name}`);
      assert.equal(sizes[index], retrieved.length, `POP3 size of ${name}`);
    }
    await pop3.quit();
    await imap.logout();
  }

  it('keeps what LMTP delivers', async (t) => {
    const user = await api.createUser('lmtp-octets', PASSWORD, {
      address: 'lmtp-octets@example.com',
      quota: 1024 ** 3,
    });
    const client = await LmtpClient.connect(server.ready.lmtp);
    // The same octets to the same address are one message (promise P2): expect each distinct DATA once.
    const distinct = [
      ...new Map(
        messages.map(({ name, octets }) => [sha256(asData(octets)), { name, octets: asData(octets) }]),
      ).values(),
    ];
    for (const { name, octets } of messages) {
      const [reply] = await client.deliver(octets, ['lmtp-octets@example.com']);
      assert.match(reply ?? '', /^250 /, name);
    }
    await client.quit();
    await compareAll('lmtp-octets', user, distinct, withoutTrace);
    t.diagnostic(`${String(messages.length)} messages by LMTP, ${String(distinct.length)} distinct`);
  });

  it('keeps what APPEND brings', async (t) => {
    const user = await api.createUser('append-octets', PASSWORD, {
      address: 'append-octets@example.com',
      quota: 1024 ** 3,
    });
    const imap = await ImapClient.login(server.ready.imap, 'append-octets', PASSWORD);
    for (const { name, octets } of messages) {
      const { tagged } = await imap.append('INBOX', octets);
      assert.match(tagged, /^OK \[APPENDUID \d+ \d+\]/, name);
    }
    await imap.logout();
    await compareAll('append-octets', user, messages, (octets) => octets);
    t.diagnostic(`${String(messages.length)} messages by APPEND`);
  });

  it('keeps what the API is given', async (t) => {
    const user = await api.createUser('api-octets', PASSWORD, { address: 'api-octets@example.com', quota: 1024 ** 3 });
    const mailbox = await api.mailboxId(user, 'INBOX');
    const given = messages.filter(({ octets }) => octets.length > 0);
    for (const { octets } of given)
      await api.ok('POST', `/users/${user}/mailboxes/${mailbox}/messages`, octets, 'message/rfc822');
    await compareAll('api-octets', user, given, (octets) => octets);
    t.diagnostic(`${String(given.length)} messages by API upload`);
  });
});
