import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ApiClient } from '../support/api-client.ts';
import { ImapClient } from '../support/imap-client.ts';
import { LineClient } from '../support/line-client.ts';
import { LmtpClient } from '../support/lmtp-client.ts';
import { Pop3Client } from '../support/pop3-client.ts';
import { makeDataDir, startServer, type ServerProcess } from '../support/server-process.ts';

/** Bad input at every door of the running server, answered as the limits say; the doors stay open for others. */

const PASSWORD = 'correct horse';
const KIB = 1024;
const MIB = 1024 * KIB;

describe('limits at the doors', () => {
  let data: Awaited<ReturnType<typeof makeDataDir>>;
  let server: ServerProcess;
  let api: ApiClient;
  let user: string;

  before(async () => {
    data = await makeDataDir();
    server = await startServer(data.path);
    api = new ApiClient(server.ready.api.url, server.ready.adminToken);
    user = await api.createUser('limits', PASSWORD, { address: 'limits@example.com' });
  });
  after(async () => {
    await server.stop();
    await data.remove();
  });

  const login = (): Promise<ImapClient> => ImapClient.login(server.ready.imap, 'limits', PASSWORD);

  describe('IMAP before log-in', () => {
    it('takes a line of 8 KiB and refuses a longer one', async () => {
      const fits = await ImapClient.connect(server.ready.imap);
      const text = (length: number): string => `a1 NOOP ${'x'.repeat(length - 'a1 NOOP \r\n'.length)}\r\n`;
      await fits.lines.write(text(8 * KIB));
      assert.match((await fits.response()).text, /^a1 BAD/);
      fits.lines.destroy();
      const long = await ImapClient.connect(server.ready.imap);
      await long.lines.write(text(8 * KIB + 1));
      assert.match((await long.response()).text, /^(a1 BAD|\* BYE)/);
      long.lines.destroy();
    });

    it('says BYE to a literal that does not fit, and to APPEND', async () => {
      for (const command of [
        'a1 LOGIN {9000}\r\n',
        'a1 LOGIN {9000+}\r\n',
        'a1 APPEND INBOX {10}\r\n',
        'a1 APPEND INBOX {10+}\r\n0123456789\r\n',
      ]) {
        const client = await LineClient.connect(server.ready.imap);
        await client.line();
        await client.write(command);
        const rest = (await client.rest()).toString();
        assert.match(rest, /^\* BYE/m, command);
        assert.doesNotMatch(rest, /^\+/m, command);
      }
    });

    it('answers five bad commands and says BYE at the next', async () => {
      const client = await ImapClient.connect(server.ready.imap);
      for (let n = 1; n <= 5; n += 1) assert.match((await client.command('NONSENSE')).tagged, /^BAD/);
      await client.lines.write('last NONSENSE\r\n');
      assert.match((await client.lines.rest()).toString(), /^\* BYE/m);
    });
  });

  describe('IMAP after log-in', () => {
    it('takes a search 20 levels deep and refuses 21', async () => {
      const imap = await login();
      await imap.ok('SELECT INBOX');
      const nested = (levels: number): string => `SEARCH ${'('.repeat(levels)}ALL${')'.repeat(levels)}`;
      assert.match((await imap.command(nested(20))).tagged, /^OK/);
      assert.match((await imap.command(nested(21))).tagged, /^NO \[LIMIT\]/);
      await imap.logout();
    });

    it('refuses a message set of more than 16 KiB and a line of more than 64 KiB', async () => {
      const imap = await login();
      await imap.ok('SELECT INBOX');
      assert.match((await imap.command(`FETCH ${'1,'.repeat(8 * KIB)}1 (FLAGS)`)).tagged, /^BAD/);
      assert.match((await imap.command(`NOOP ${'x'.repeat(64 * KIB)}`)).tagged, /^BAD/);
      assert.match((await imap.command('NOOP')).tagged, /^OK/);
      await imap.logout();
    });

    it('refuses a message that is too large before its octets travel', async () => {
      const imap = await login();
      assert.match((await imap.command(`APPEND INBOX {${String(64 * MIB + 1)}}`)).tagged, /^NO \[TOOBIG\]/);
      assert.match((await imap.command('NOOP')).tagged, /^OK/);
      await imap.logout();
    });

    it('refuses an append beyond the quota before its octets travel, to the octet, and keeps nothing', async () => {
      const small = await api.createUser('small', PASSWORD, { address: 'small@example.com', quota: 10 * KIB });
      const quota = async (): Promise<unknown> => {
        const { body } = await api.ok('GET', `/users/${small}`);
        return (body['limits'] as { quota: unknown }).quota;
      };
      const imap = await ImapClient.login(server.ready.imap, 'small', PASSWORD);
      const announce = async (octets: number): Promise<string> => {
        await imap.lines.write(`q APPEND INBOX {${String(octets)}}\r\n`);
        return imap.lines.line();
      };
      assert.match(await announce(10 * KIB + 1), /^q NO \[OVERQUOTA\]/);
      await imap.ok('SELECT INBOX');
      assert.deepEqual(await imap.uids(), []);
      assert.deepEqual(await quota(), { allowed: 10 * KIB, used: 0 });
      assert.match((await imap.append('INBOX', Buffer.alloc(10 * KIB - 1, 'x\r\n'))).tagged, /^OK/);
      assert.match(await announce(2), /^q NO \[OVERQUOTA\]/);
      assert.match((await imap.append('INBOX', Buffer.from('x'))).tagged, /^OK/);
      assert.match(await announce(1), /^q NO \[OVERQUOTA\]/);
      assert.deepEqual(await quota(), { allowed: 10 * KIB, used: 10 * KIB });
      await imap.logout();
    });
  });

  describe('LMTP', () => {
    it('refuses what is too large by its SIZE, and more than 1,000 recipients', async () => {
      const lmtp = await LmtpClient.connect(server.ready.lmtp);
      assert.match(await lmtp.command(`MAIL FROM:<a@example.org> SIZE=${String(64 * MIB + 1)}`), /^552 5\.3\.4/);
      assert.match(await lmtp.command('MAIL FROM:<a@example.org>'), /^250/);
      for (let n = 1; n <= 1000; n += 1) assert.match(await lmtp.command('RCPT TO:<limits@example.com>'), /^250/);
      assert.match(await lmtp.command('RCPT TO:<limits@example.com>'), /^452 4\.5\.3/);
      assert.match(await lmtp.command('RSET'), /^250/);
      await lmtp.quit();
    });

    it('answers each recipient in order, the unknown with 550 5.1.1 and the full with 552 5.2.2', async () => {
      const lmtp = await LmtpClient.connect(server.ready.lmtp);
      await lmtp.command('MAIL FROM:<>');
      assert.match(await lmtp.command('RCPT TO:<nobody@example.com>'), /^550 5\.1\.1/);
      assert.match(await lmtp.command('RCPT TO:<small@example.com>'), /^250/);
      assert.match(await lmtp.command('RCPT TO:<limits+label@example.com>'), /^250/);
      assert.match(await lmtp.command('DATA'), /^354/);
      await lmtp.lines.write(`Subject: 11 KiB\r\n\r\n${'x'.repeat(11 * KIB)}\r\n.\r\n`);
      assert.match(await lmtp.reply(), /^552 5\.2\.2/);
      assert.match(await lmtp.reply(), /^250/);
      await lmtp.quit();
    });

    it('ends the data at CRLF.CRLF only', async () => {
      const lmtp = await LmtpClient.connect(server.ready.lmtp);
      await lmtp.start(['limits@example.com']);
      await lmtp.lines.write('Subject: ends\r\n\r\na\n.\nb\r.\rc\n.\r\nd\r\n.\ne\r\n.\r\n');
      assert.match(await lmtp.reply(), /^250/);
      await lmtp.quit();
      const imap = await login();
      await imap.ok('SELECT INBOX');
      const last = (await imap.uids()).at(-1) ?? 0;
      assert.equal((await imap.body(last, 'TEXT')).toString(), 'a\n.\nb\r.\rc\n.\r\nd\r\n\ne\r\n');
      await imap.logout();
    });
  });

  describe('POP3', () => {
    it('refuses endless lines, answers five bad commands and ends at the next', async () => {
      const long = await LineClient.connect(server.ready.pop3);
      await long.line();
      await long.write('x'.repeat(100 * KIB));
      assert.match((await long.rest()).toString(), /^-ERR/m);
      const bad = await Pop3Client.connect(server.ready.pop3);
      for (let n = 1; n <= 5; n += 1) assert.match(await bad.command('NONSENSE'), /^-ERR/);
      await bad.lines.write('NONSENSE\r\n');
      assert.match((await bad.lines.rest()).toString(), /^-ERR/m);
    });

    it('says the same to an unknown user and to a wrong password', async () => {
      const answers: string[] = [];
      for (const name of ['limits', 'nobody-here']) {
        const client = await Pop3Client.connect(server.ready.pop3);
        assert.match(await client.command(`USER ${name}`), /^\+OK/);
        answers.push(await client.command('PASS wrong'));
        client.lines.destroy();
      }
      assert.equal(answers[0], answers[1]);
      assert.match(answers[0] ?? '', /^-ERR \[AUTH\]/);
    });
  });

  it('drops what is pipelined in plain text behind STARTTLS and STLS', async () => {
    const imap = await LineClient.connect(server.ready.imap);
    await imap.line();
    await imap.write('a1 STARTTLS\r\na2 NOOP\r\na3 ');
    assert.match(await imap.line(), /^a1 OK/);
    await imap.startTls();
    await imap.write('a4 LOGOUT\r\na5 LOGOUT\r\n');
    assert.match((await imap.rest()).toString(), /^\* BYE [^\n]*\na4 OK [^\n]*\n$/);
    const pop3 = await LineClient.connect(server.ready.pop3);
    await pop3.line();
    await pop3.write('STLS\r\nCAPA\r\nNO');
    assert.match(await pop3.line(), /^\+OK/);
    await pop3.startTls();
    await pop3.write('QUIT\r\nQUIT\r\n');
    assert.match((await pop3.rest()).toString(), /^\+OK [^\n]*\n$/);
  });

  describe('the API', () => {
    it('does nothing without a token, and hides nothing but what it must', async () => {
      const nobody = new ApiClient(api.url, 'f'.repeat(40));
      const refused = await nobody.call('GET', '/users');
      assert.equal(refused.status, 403);
      assert.equal(refused.body['code'], 'InvalidToken');
      assert.equal((await api.call('GET', '/no-such-thing')).status, 404);
    });

    it('takes no operators, prototypes or arrays for strings from JSON', async () => {
      for (const body of [
        '{"username":{"$ne":""},"password":"x"}',
        '{"username":["a","b"],"password":"x"}',
        '{"username":"ok-name","password":"x","__proto__":{"isAdmin":true}}',
        '{"username":"ok-name","password":"x","constructor":1}',
        '{"username":',
        '[]',
        'null',
      ]) {
        const answer = await api.call('POST', '/users', Buffer.from(body), 'application/json');
        assert.equal(answer.status, 400, body);
      }
    });

    it('answers 404 for what belongs to another account, as if it were missing', async () => {
      const other = await api.createUser('other', PASSWORD, { address: 'other@example.com' });
      const mailbox = await api.mailboxId(user, 'INBOX');
      assert.equal((await api.call('GET', `/users/${other}/mailboxes/${mailbox}`)).status, 404);
      assert.equal((await api.call('GET', `/users/${other}/mailboxes/${mailbox}/messages/1`)).status, 404);
      assert.equal((await api.call('GET', `/users/${other}/mailboxes/${mailbox}/messages/1/message.eml`)).status, 404);
    });

    it('refuses a message that is too large with 413', async () => {
      const mailbox = await api.mailboxId(user, 'INBOX');
      const answer = await api.call(
        'POST',
        `/users/${user}/mailboxes/${mailbox}/messages`,
        Buffer.alloc(64 * MIB + 1, 'x'),
        'message/rfc822',
      );
      assert.equal(answer.status, 413);
    });
  });
});
