import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ImapFlow } from 'imapflow';
import { createTransport } from 'nodemailer';
import { ApiClient } from '../support/api-client.ts';
import { debianTool, type DebianTool } from '../support/debian-packages.ts';
import { ImapClient } from '../support/imap-client.ts';
import { LmtpClient } from '../support/lmtp-client.ts';
import { makeDataDir, startServer, type ServerProcess } from '../support/server-process.ts';

/** The programs people use, against the running server. */

const PASSWORD = 'correct-horse';
const message = (subject: string): Buffer =>
  Buffer.from(
    `From: Ann <ann@example.org>\r\nTo: people@example.com\r\nSubject: ${subject}\r\nDate: Mon, 2 Nov 2026 10:00:00 +0100\r\nMessage-ID: <${subject}@example.org>\r\n\r\nHello from ${subject}\r\n`,
  );

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(
  tool: DebianTool,
  args: readonly string[],
  options: { readonly input?: string; readonly cwd?: string; readonly home?: string } = {},
): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(
      tool.command,
      [...args],
      {
        timeout: 30_000,
        maxBuffer: 16 * 1024 * 1024,
        cwd: options.cwd,
        env: {
          ...process.env,
          ...tool.env,
          LC_ALL: 'C',
          TERM: 'dumb',
          ...(options.home === undefined ? {} : { HOME: options.home }),
        },
      },
      (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, stdout, stderr }),
    );
    // A program that needs no input may have ended before it is offered any.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.input ?? '');
  });
}

describe('real clients', () => {
  let data: Awaited<ReturnType<typeof makeDataDir>>;
  let server: ServerProcess;
  let api: ApiClient;
  let users = 0;

  before(async () => {
    data = await makeDataDir();
    server = await startServer(data.path);
    api = new ApiClient(server.ready.api.url, server.ready.adminToken);
  });
  after(async () => {
    await server.stop();
    await data.remove();
  });

  /** A user of its own for each test, with messages in INBOX. */
  async function newUser(...subjects: string[]): Promise<{ id: string; name: string; address: string }> {
    users += 1;
    const name = `user${String(users)}`;
    const address = `${name}@example.com`;
    const id = await api.createUser(name, PASSWORD, { address });
    if (subjects.length > 0) {
      const lmtp = await LmtpClient.connect(server.ready.lmtp);
      for (const subject of subjects) await lmtp.deliver(message(subject), [address]);
      await lmtp.quit();
    }
    return { id, name, address };
  }

  /** Subjects in a mailbox, by a raw IMAP connection. */
  async function subjectsIn(user: string, mailbox: string): Promise<string[]> {
    const imap = await ImapClient.login(server.ready.imap, user, PASSWORD);
    await imap.ok(`EXAMINE "${mailbox}"`);
    const { untagged } = await imap.command('FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])');
    await imap.logout();
    return untagged.flatMap(({ literals }) => /Subject: (.*)\r\n/.exec(literals[0]?.toString() ?? '')?.[1] ?? []);
  }

  it('imapflow logs in, lists, fetches, appends, moves and idles', async () => {
    const user = await newUser('one', 'two');
    const client = new ImapFlow({
      host: server.ready.imaps.host,
      port: server.ready.imaps.port,
      secure: true,
      tls: { rejectUnauthorized: false },
      auth: { user: user.name, pass: PASSWORD },
      logger: false,
    });
    await client.connect();
    try {
      const mailboxes = await client.list();
      assert.deepEqual(mailboxes.map(({ path }) => path).sort(), ['Drafts', 'INBOX', 'Junk', 'Sent', 'Trash']);
      assert.equal(mailboxes.find(({ path }) => path === 'Trash')?.specialUse, '\\Trash');
      const lock = await client.getMailboxLock('INBOX');
      try {
        const seen: (string | undefined)[] = [];
        for await (const { envelope, bodyStructure, source } of client.fetch('1:*', {
          envelope: true,
          bodyStructure: true,
          source: true,
        })) {
          assert.equal(bodyStructure?.type, 'text/plain');
          assert.match(source?.toString() ?? '', /Hello from/);
          seen.push(envelope?.subject);
        }
        assert.deepEqual(seen, ['one', 'two']);
        const appended = await client.append('INBOX', message('three'), ['\\Seen']);
        assert.ok(appended !== false && appended.uid === 3);
        const moved = await client.messageMove('1', 'Trash');
        assert.ok(moved !== false && moved.uidMap?.get(1) === 1);
        const told = new Promise<void>((resolve) => {
          client.on('exists', () => resolve());
        });
        const idling = client.idle();
        const lmtp = await LmtpClient.connect(server.ready.lmtp);
        await lmtp.deliver(message('four'), [user.address]);
        await lmtp.quit();
        await told;
        await client.noop();
        await idling;
      } finally {
        lock.release();
      }
      assert.deepEqual(await subjectsIn(user.name, 'INBOX'), ['two', 'three', 'four']);
      assert.deepEqual(await subjectsIn(user.name, 'Trash'), ['one']);
    } finally {
      await client.logout();
    }
  });

  it('nodemailer delivers by LMTP', async () => {
    const user = await newUser();
    const transport = createTransport({
      lmtp: true,
      host: server.ready.lmtp.host,
      port: server.ready.lmtp.port,
      ignoreTLS: true,
    } as Parameters<typeof createTransport>[0]);
    const sent = (await transport.sendMail({
      from: 'ann@example.org',
      to: user.address,
      subject: 'nodemailer',
      text: 'Hello',
    })) as { readonly rejected: readonly unknown[] };
    assert.deepEqual(sent.rejected, []);
    transport.close();
    assert.deepEqual(await subjectsIn(user.name, 'INBOX'), ['nodemailer']);
  });

  it('swaks delivers by LMTP', async (t) => {
    const swaks = await debianTool('swaks');
    if (swaks === undefined) {
      t.skip('swaks cannot be had');
      return;
    }
    const user = await newUser();
    const ran = await run(swaks, [
      '--protocol',
      'LMTP',
      '--server',
      server.ready.lmtp.host,
      '--port',
      String(server.ready.lmtp.port),
      '--from',
      'ann@example.org',
      '--to',
      user.address,
      '--header',
      'Subject: swaks',
    ]);
    assert.equal(ran.code, 0, ran.stdout + ran.stderr);
    assert.deepEqual(await subjectsIn(user.name, 'INBOX'), ['swaks']);
  });

  it('curl reads by IMAP and the API', async (t) => {
    const curl = await debianTool('curl');
    if (curl === undefined) {
      t.skip('curl cannot be had');
      return;
    }
    const user = await newUser('curl');
    const { host, port } = server.ready.imaps;
    const imap = await run(curl, [
      '-sk',
      '--user',
      `${user.name}:${PASSWORD}`,
      `imaps://${host}:${String(port)}/INBOX;MAILINDEX=1`,
    ]);
    assert.equal(imap.code, 0, imap.stderr);
    assert.match(imap.stdout, /Subject: curl\r\n[^]*Hello from curl/);
    const pop3 = await run(curl, [
      '-sk',
      '--user',
      `${user.name}:${PASSWORD}`,
      `pop3s://${server.ready.pop3s.host}:${String(server.ready.pop3s.port)}/1`,
    ]);
    assert.match(pop3.stdout, /Subject: curl/);
    const mailbox = await api.mailboxId(user.id, 'INBOX');
    const http = await run(curl, [
      '-s',
      '-H',
      `X-Access-Token: ${server.ready.adminToken}`,
      `${api.url}/users/${user.id}/mailboxes/${mailbox}/messages/1`,
    ]);
    assert.equal((JSON.parse(http.stdout) as { subject: string }).subject, 'curl');
  });

  it('mbsync makes the round trip both ways', async (t) => {
    const mbsync = await debianTool('mbsync');
    if (mbsync === undefined) {
      t.skip('mbsync cannot be had');
      return;
    }
    const user = await newUser('alpha', 'beta');
    // isync 1.5 renamed the setting.
    const tlsSetting = (await run(mbsync, ['--version'])).stdout.includes('isync 1.4') ? 'SSLType' : 'TLSType';
    const home = join(data.path, 'mbsync');
    const maildir = join(home, 'mail');
    for (const name of ['cur', 'new', 'tmp']) await mkdir(join(maildir, 'INBOX', name), { recursive: true });
    await writeFile(
      join(home, 'rc'),
      `IMAPAccount eider\nHost ${server.ready.imap.host}\nPort ${String(server.ready.imap.port)}\nUser ${user.name}\nPass ${PASSWORD}\n` +
        `${tlsSetting} None\nAuthMechs PLAIN LOGIN\n\nIMAPStore far\nAccount eider\n\nMaildirStore near\nPath ${maildir}/\nInbox ${maildir}/INBOX\nSubFolders Verbatim\n\n` +
        'Channel all\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nRemove Both\nExpunge Both\nSyncState *\n',
    );
    const sync = async (): Promise<void> => {
      const ran = await run(mbsync, ['-c', join(home, 'rc'), '-a'], { home });
      assert.equal(ran.code, 0, ran.stdout + ran.stderr);
    };
    await sync();
    const arrived = [
      ...(await readdir(join(maildir, 'INBOX', 'new'))),
      ...(await readdir(join(maildir, 'INBOX', 'cur'))),
    ];
    assert.equal(arrived.length, 2);
    // A letter written near, another read near: both must be seen far.
    await writeFile(
      join(maildir, 'INBOX', 'cur', '1700000000.local.host:2,S'),
      message('gamma').toString().replaceAll('\r\n', '\n'),
    );
    await sync();
    assert.deepEqual((await subjectsIn(user.name, 'INBOX')).sort(), ['alpha', 'beta', 'gamma']);
    const imap = await ImapClient.login(server.ready.imap, user.name, PASSWORD);
    await imap.ok('SELECT INBOX');
    await imap.ok('STORE 1 +FLAGS.SILENT (\\Flagged)');
    await imap.ok('STORE 2 +FLAGS.SILENT (\\Deleted)');
    await imap.ok('EXPUNGE');
    await imap.logout();
    await sync();
    const left = [...(await readdir(join(maildir, 'INBOX', 'new'))), ...(await readdir(join(maildir, 'INBOX', 'cur')))];
    assert.equal(left.length, 2);
    assert.ok(
      left.some((name) => /:2,.*F/.test(name)),
      left.join(' '),
    );
    await sync();
  });

  for (const protocol of ['IMAP', 'POP3'] as const) {
    it(`fetchmail takes mail by ${protocol}`, async (t) => {
      const fetchmail = await debianTool('fetchmail');
      if (fetchmail === undefined) {
        t.skip('fetchmail cannot be had');
        return;
      }
      const user = await newUser('first', 'second');
      const home = join(data.path, `fetchmail-${protocol}`);
      await mkdir(home, { recursive: true, mode: 0o700 });
      const port = protocol === 'IMAP' ? server.ready.imap.port : server.ready.pop3.port;
      const file = join(home, 'rc');
      await writeFile(
        file,
        `poll 127.0.0.1 protocol ${protocol} port ${String(port)} username "${user.name}" password "${PASSWORD}" no sslcertck sslproto ''\n  mda "cat >> ${join(home, 'mbox')}"\n`,
        { mode: 0o600 },
      );
      const ran = await run(
        fetchmail,
        ['-f', file, '--nosyslog', '--pidfile', join(home, 'pid'), '-i', join(home, 'ids')],
        { home },
      );
      assert.equal(ran.code, 0, ran.stdout + ran.stderr);
      const mbox = await readFile(join(home, 'mbox'), 'utf8');
      assert.match(mbox, /Subject: first[^]*Hello from first[^]*Subject: second[^]*Hello from second/);
      assert.deepEqual(await subjectsIn(user.name, 'INBOX'), []);
    });
  }

  it('neomutt reads and copies in batch mode', async (t) => {
    const neomutt = await debianTool('neomutt');
    if (neomutt === undefined) {
      t.skip('neomutt cannot be had');
      return;
    }
    const user = await newUser('mutt');
    const home = join(data.path, 'neomutt');
    await mkdir(home, { recursive: true });
    const { host, port } = server.ready.imap;
    await writeFile(
      join(home, 'rc'),
      `set imap_user="${user.name}"\nset imap_pass="${PASSWORD}"\nset ssl_starttls=no\nset ssl_force_tls=no\nset folder="imap://${host}:${String(port)}/"\nset spoolfile="+INBOX"\nset confirmappend=no\nset header_cache=""\nset mail_check=0\nset sendmail="/bin/true"\nset timeout=1\nset copy=no\n`,
    );
    // It wants a terminal even for what is pushed to it; script(1) plays one.
    const words = [neomutt.command, '-n', '-F', join(home, 'rc'), '-f', `imap://${host}:${String(port)}/INBOX`];
    const keys = 'push "<copy-message>=Trash<enter><exit>"';
    const line = [...words, '-e', keys].map((word) => `'${word}'`).join(' ');
    const ran = await run({ command: 'script', env: neomutt.env }, ['-qec', line, '/dev/null'], { home });
    assert.equal(ran.code, 0, ran.stdout + ran.stderr);
    assert.deepEqual(await subjectsIn(user.name, 'Trash'), ['mutt']);
  });
});
