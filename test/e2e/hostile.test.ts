import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { HOSTILE } from '../corpus/hostile.ts';
import { ApiClient } from '../support/api-client.ts';
import { runEider } from '../support/eider-command.ts';
import { ImapClient } from '../support/imap-client.ts';
import { LineClient } from '../support/line-client.ts';
import { LmtpClient } from '../support/lmtp-client.ts';
import { Pop3Client } from '../support/pop3-client.ts';
import { makeDataDir, startServer, type ServerProcess } from '../support/server-process.ts';

/** A hostile client at every door of one running server, between good ones who notice nothing. */

const PASSWORD = 'correct horse';
const ADDRESS = 'hostile@example.com';
const MIB = 1024 * 1024;
/** What each class repeats; large enough that anything quadratic shows. */
const REPEATS = 8_000;
/** Of all classes together, garbage that is not collected yet included: the heap has no reason to stay smaller. */
const ALLOWED_GROWTH = 160 * MIB;

const good = (subject: string): Buffer => Buffer.from(`From: a@example.org\r\nSubject: ${subject}\r\n\r\ngood\r\n`);

async function residentOctets(pid: number): Promise<number> {
  const status = await readFile(`/proc/${String(pid)}/status`, 'latin1');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

describe('a hostile client', { skip: process.platform === 'linux' ? false : 'reads /proc' }, () => {
  let data: Awaited<ReturnType<typeof makeDataDir>>;
  let server: ServerProcess;
  let api: ApiClient;
  let user: string;
  let inbox: string;
  let imap: ImapClient;

  before(async () => {
    data = await makeDataDir();
    server = await startServer(data.path);
    api = new ApiClient(server.ready.api.url, server.ready.adminToken);
    user = await api.createUser('hostile', PASSWORD, { address: ADDRESS, quota: 1024 * MIB });
    inbox = await api.mailboxId(user, 'INBOX');
    imap = await login();
    await imap.ok('SELECT INBOX');
  });
  after(async () => {
    await server.stop();
    await data.remove();
  });

  const login = (): Promise<ImapClient> => ImapClient.login(server.ready.imap, 'hostile', PASSWORD);

  async function send(octets: Buffer): Promise<void> {
    const lmtp = await LmtpClient.connect(server.ready.lmtp);
    assert.match((await lmtp.deliver(octets, [ADDRESS]))[0] ?? '', /^250 /);
    await lmtp.quit();
  }

  it('sends hostile messages by three ways, which every way out tells between good ones', async (t) => {
    await send(good('before all'));
    let warm = 0;
    for (const [name, make] of HOSTILE) {
      const octets = make(REPEATS);
      await send(octets);
      assert.match((await imap.append('INBOX', octets)).tagged, /^OK/, name);
      await api.ok('POST', `/users/${user}/mailboxes/${inbox}/messages`, octets, 'message/rfc822');
      await send(good(`after ${name}`));
      const uids = await imap.uids();
      const [first = 0, , third = 0, last = 0] = uids.slice(-4);
      for (const items of [
        '(ENVELOPE BODYSTRUCTURE BODY RFC822.SIZE)',
        '(BODY.PEEK[1] BODY.PEEK[1.MIME] BODY.PEEK[1.2.3] BODY.PEEK[TEXT]<5.7>)',
        '(BODY.PEEK[HEADER.FIELDS (SUBJECT TO FROM)] BODY.PEEK[HEADER.FIELDS.NOT (SUBJECT)]<0.100>)',
        '(BODY.PEEK[]<4294967295.4294967295> BODY.PEEK[]<0.4294967295>)',
      ])
        assert.match((await imap.command(`UID FETCH ${String(first)}:${String(third)} ${items}`)).tagged, /^OK/, name);
      const found = await imap.ok(`UID SEARCH UID ${String(first)}:${String(last)} TEXT "good" SUBJECT "after"`);
      assert.ok(
        found.untagged.some(({ text }) => text === `* SEARCH ${String(last)}`),
        name,
      );
      assert.equal((await imap.body(last, 'TEXT')).toString(), 'good\r\n', name);
      const messages = `/users/${user}/mailboxes/${inbox}/messages`;
      await api.ok('GET', `${messages}/${String(first)}`);
      await api.ok('GET', `${messages}?limit=4`);
      if (warm === 0) warm = await residentOctets(server.ready.pid);
    }
    const pop3 = await Pop3Client.login(server.ready.pop3, 'hostile', PASSWORD);
    for (let n = 1; n <= 4 * HOSTILE.size + 1; n += 1) await pop3.multiLine(`TOP ${String(n)} 5`);
    await pop3.quit();
    const growth = (await residentOctets(server.ready.pid)) - warm;
    t.diagnostic(`${String(HOSTILE.size)} classes by three ways; the server grew by ${(growth / MIB).toFixed(1)} MiB`);
    assert.ok(growth < ALLOWED_GROWTH, `grew by ${(growth / MIB).toFixed(1)} MiB`);
  });

  it('asks for what is not there, and gets the answer of the RFC', async () => {
    await imap.ok('SELECT INBOX');
    for (const [command, answer] of [
      ['FETCH 0 (FLAGS)', /^BAD/],
      ['FETCH 4294967295:* (FLAGS)', /^BAD/],
      ['UID FETCH 4294967295:* (FLAGS)', /^OK/],
      ['FETCH *:1 (UID)', /^OK/],
      ['FETCH 4294967296 (FLAGS)', /^BAD/],
      ['FETCH 1 BODY.PEEK[]<0.0>', /^BAD/],
      ['FETCH 1 BODY.PEEK[1.0]', /^BAD/],
      [`FETCH 1 BODY.PEEK[${'1.'.repeat(5000)}1]`, /^BAD/],
      ['STORE 1 +FLAGS (\\Recent)', /^BAD/],
      ['APPEND INBOX {2+}\r\nhi more', /^BAD/],
      ['APPEND INBOX {2+}\r\nhi {2+}\r\nho', /^BAD/],
      ['SELECT "&bad"', /^NO \[CANNOT\]/],
      ['FETCH 1 FLAGS', /^BAD/],
      ['SELECT INBOX', /^OK/],
      ['CREATE ".."', /^NO \[CANNOT\]/],
      ['CREATE "a/../b"', /^NO \[CANNOT\]/],
      ['CREATE "a//b"', /^NO \[CANNOT\]/],
      ['CREATE "&AAA-"', /^NO \[CANNOT\]/],
      ['CREATE "&2AA-"', /^NO \[CANNOT\]/],
      ['CREATE "&Jjo"', /^NO \[CANNOT\]/],
      ['CREATE "a\u001bb"', /^NO \[CANNOT\]/],
      [`CREATE "${'l/'.repeat(999)}l"`, /^NO \[CANNOT\]/],
      [`LIST "" "${'*a'.repeat(512)}"`, /^OK/],
      [`LIST "" "${'*'.repeat(1025)}"`, /^NO \[LIMIT\]/],
      ['CREATE p', /^OK/],
      ['RENAME p p/c', /^NO \[CANNOT\]/],
      ['RENAME INBOX INBOX', /^NO \[ALREADYEXISTS\]/],
      ['DELETE INBOX', /^NO \[CANNOT\]/],
      ['UID COPY 1 INBOX', /^OK \[COPYUID/],
      ['UID MOVE 1 INBOX', /^OK/],
      [`SEARCH ${'NOT '.repeat(1000)}ALL`, /^NO \[LIMIT\]/],
    ] as const)
      assert.match((await imap.command(command)).tagged, answer, command.slice(0, 60));
  });

  it('breaks off at every step, and holds back what it began', async () => {
    const before = (await imap.uids()).length;
    const steps: readonly (readonly [where: 'imap' | 'lmtp' | 'pop3', lines: readonly string[]])[] = [
      [
        'imap',
        ['a AUTHENTICATE PLAIN\r\n', '*\r\n', `b LOGIN hostile "${PASSWORD}"\r\n`, 'c APPEND INBOX {9+}\r\n', 'half'],
      ],
      ['lmtp', ['LHLO x\r\n', 'MAIL FROM:<a@b>\r\n', `RCPT TO:<${ADDRESS}>\r\n`, 'DATA\r\n', 'Subject: half\r\n\r\n.']],
      ['pop3', ['AUTH PLAIN\r\n', '*\r\n', 'USER hostile\r\n', 'PASS corr']],
    ];
    for (const [where, lines] of steps) {
      for (let count = 1; count <= lines.length; count += 1) {
        const client = await LineClient.connect(server.ready[where]);
        await client.line();
        for (const line of lines.slice(0, count)) await client.write(line);
        if (count % 2 === 0) client.socket.resetAndDestroy();
        else client.destroy();
      }
    }
    assert.equal((await imap.uids()).length, before);
  });

  it('gets no command carried out under a tag that no answer could carry', async () => {
    const client = await login();
    await client.lines.write(`${'t'.repeat(65)} CREATE ghost\r\n`);
    assert.match((await client.response()).text, /^\* BAD/);
    assert.match((await client.command('STATUS ghost (MESSAGES)')).tagged, /^NO \[NONEXISTENT\]/);
    await client.logout();
  });

  it('asks the API for texts with NUL and file names with line ends, and breaks no header', async () => {
    for (const list of ['/users', '/addresses'])
      assert.equal((await api.ok('GET', `${list}?query=a%00b`)).body['total'], 0, list);
    const octets = Buffer.from(
      'Content-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\nContent-Type: text/html\r\n' +
        "Content-Disposition: attachment; filename*=utf-8''%0D%0AX-Injected%3A%20yes\r\n\r\n<script>\r\n--q--\r\n",
    );
    const messages = `/users/${user}/mailboxes/${inbox}/messages`;
    const { body } = await api.ok('POST', messages, octets, 'message/rfc822');
    const uid = String((body['message'] as { id: number }).id);
    const { headers } = await api.ok('GET', `${messages}/${uid}/attachments/ATT00001`);
    assert.equal(headers.get('x-injected'), null);
    assert.match(headers.get('content-disposition') ?? '', /^attachment; filename="[^"\r\n]*X-Injected: yes"/);
  });

  it('leaves a server that has nothing to say of it, ends in order, and a store that is whole', async () => {
    assert.doesNotMatch(server.log(), /nobody (handled|caught)|PromiseRejectionHandled/);
    imap.lines.destroy();
    const begun = performance.now();
    assert.equal(await server.stop(), 0);
    assert.ok(performance.now() - begun < 10_000);
    const checked = await runEider(['fsck', '--data-dir', data.path]);
    assert.equal(checked.code, 0, checked.stdout + checked.stderr);
  });
});
