import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { Readable } from 'node:stream';
import { connect as connectTls, createSecureContext } from 'node:tls';
import { createSelfSignedCertificate } from '../../../lib/certificates/index.ts';
import { MailError, type MailErrorCode } from '../../../lib/kernel/errors.ts';
import type { MessageContent } from '../../../lib/messages/index.ts';
import { silentLogger } from '../../../lib/kernel/logger.ts';
import { defaultsOf } from '../../../lib/kernel/section.ts';
import {
  createPop3Server,
  pop3Section,
  type Pop3Server,
  type Pop3ServerParts,
  type Pop3Settings,
} from '../../../lib/frontends/pop3/index.ts';
import { LineClient } from '../../support/line-client.ts';
import { Pop3Client } from '../../support/pop3-client.ts';
import { openStore, PASSWORD, type Store } from '../store.ts';
import { playTranscript, readTranscripts } from '../transcript.ts';

const now = Date.now();
const pair = createSelfSignedCertificate({ names: ['localhost'], notBefore: now, notAfter: now + 3_600_000 });
const context = createSecureContext({ key: pair.privateKey, cert: pair.certificate });
const HOST = '127.0.0.1';

const SIMPLE = 'Subject: simple\r\n\r\ntext\r\n';
const DOTS = 'Subject: dots\n\n.\n..\r\nbare\nlast';
const LARGE = `Subject: large\r\n\r\n${`${'.'.repeat(70)}\n`.repeat(40_000)}`;

interface Running {
  readonly server: Pop3Server;
  readonly at: { readonly host: string; readonly port: number };
  readonly tls: { readonly host: string; readonly port: number; readonly isTls: true };
}

describe('POP3 server', () => {
  let store: Store;
  let running: Running;
  let users = 0;

  async function start(settings: Partial<Pop3Settings> = {}, parts: Partial<Pop3ServerParts> = {}): Promise<Running> {
    const { mailboxes, messages, clock } = store.rooms;
    const server = createPop3Server({
      ...{ auth: store.auth, mailboxes, messages, clock },
      logger: silentLogger,
      settings: { ...defaultsOf(pop3Section), ...settings },
      secureContext: () => context,
      ...parts,
    });
    const { port } = await server.listen({ host: HOST, port: 0 });
    const secure = await server.listen({ host: HOST, port: 0, implicitTls: true });
    return { server, at: { host: HOST, port }, tls: { host: HOST, port: secure.port, isTls: true } };
  }

  async function withServer(
    settings: Partial<Pop3Settings>,
    run: (running: Running) => Promise<void>,
    parts: Partial<Pop3ServerParts> = {},
  ): Promise<void> {
    const own = await start(settings, parts);
    try {
      await run(own);
    } finally {
      await own.server.close(0);
    }
  }

  /** A user with messages in INBOX, stored without trace fields so that a test knows their octets. */
  async function createUser(...messages: readonly string[]): Promise<string> {
    users += 1;
    const name = `user${String(users)}`;
    const user = await store.createUser(name);
    const { mailboxes, messages: data, clock } = store.rooms;
    const inbox = await mailboxes.find(user.account, 'INBOX');
    assert.ok(inbox);
    for (const message of messages) {
      const ingested = await data.ingest(oneChunk(message), { maxOctets: 1 << 30 });
      const stored = await data.store(user.account, ingested, {
        ...{ origin: { kind: 'append' }, prefix: Buffer.alloc(0), q: mailboxes.knownQ(user.account), now: clock.now() },
      });
      await ingested.dispose();
      const internalDate = { at: clock.now(), zoneMinutes: 0 };
      const flags = { system: 0, keywords: [] };
      await mailboxes.append(user.account, inbox.id, [{ ...stored, flags, internalDate, sentDate: stored.sentAt }]);
    }
    return name;
  }

  before(async () => {
    store = await openStore();
    running = await start();
  });
  after(async () => {
    await running.server.close(0);
    await store.close();
  });

  describe('transcripts', async () => {
    for (const transcript of await readTranscripts('pop3')) {
      it(transcript.name, async () => {
        const user = await createUser(SIMPLE, DOTS, 'Subject: three\r\n\r\n', 'Subject: four\r\n\r\n\r\n', SIMPLE);
        const sizes = [SIMPLE, DOTS, 'Subject: three\r\n\r\n', 'Subject: four\r\n\r\n\r\n', SIMPLE].map(
          (text) => text.replace(/\r?\n/g, '\r\n').replace(/([^\n])$/, '$1\r\n').length,
        );
        const words = new Map([
          ['user', user],
          ['password', PASSWORD],
          ['plain', Buffer.from(`\0${user}\0${PASSWORD}`).toString('base64')],
          ['wrongPlain', Buffer.from(`\0${user}\0wrong`).toString('base64')],
          ['total', String(sizes.reduce((sum, size) => sum + size, 0))],
        ]);
        for (const [index, size] of sizes.entries()) words.set(`size${String(index + 1)}`, String(size));
        const client = await Pop3Client.login(running.at, user, PASSWORD);
        for (const line of (await client.multiLine('UIDL')).toString('latin1').trim().split('\r\n')) {
          const [number, id] = line.split(' ');
          words.set(`id${number ?? ''}`, id ?? '');
        }
        await client.quit();
        await playTranscript(transcript, running.at, words);
      });
    }
  });

  it('serves implicit TLS', async () => {
    const user = await createUser(SIMPLE);
    const client = await Pop3Client.login(running.tls, user, PASSWORD);
    assert.doesNotMatch((await client.multiLine('CAPA')).toString('latin1'), /STLS/);
    assert.equal(await client.command('STLS'), '-ERR Already logged in');
    assert.equal((await client.multiLine('RETR 1')).toString('latin1'), SIMPLE);
    await client.quit();
  });

  it('upgrades by STLS, forgets what was said before and drops what was pipelined behind it', async () => {
    const user = await createUser(SIMPLE);
    const plain = await LineClient.connect(running.at);
    await plain.line();
    await plain.write(`USER ${user}\r\nSTLS\r\nPASS ${PASSWORD}\r\nSTAT\r\nQUIT\r\n`);
    assert.equal(await plain.line(), '+OK Send PASS');
    assert.equal(await plain.line(), '+OK Begin TLS negotiation');
    plain.socket.removeAllListeners('data');
    const secure = connectTls({ socket: plain.socket, rejectUnauthorized: false });
    await once(secure, 'secureConnect');
    const answers = secure[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    const next = async (): Promise<string> => ((await answers.next()).value as Buffer).toString('latin1');
    // Nothing of the plaintext is answered; USER is forgotten.
    secure.write(`PASS ${PASSWORD}\r\n`);
    assert.equal(await next(), '-ERR Send USER first\r\n');
    secure.write('STLS\r\n');
    assert.equal(await next(), '-ERR TLS is active already\r\n');
    secure.write(`USER ${user}\r\nPASS ${PASSWORD}\r\n`);
    assert.match(await next(), /^\+OK Send PASS\r\n/);
    secure.destroy();
  });

  it('wants TLS where the settings do not trust this machine', async () => {
    const user = await createUser();
    await withServer({ allowPlaintextOnLoopback: false }, async ({ at, tls }) => {
      const client = await Pop3Client.connect(at);
      const capabilities = (await client.multiLine('CAPA')).toString('latin1');
      assert.doesNotMatch(capabilities, /^(USER|SASL)/m);
      assert.match(capabilities, /^STLS\r$/m);
      for (const command of [`USER ${user}`, 'PASS x', 'AUTH PLAIN', 'AUTH PLAIN AHUAcA==']) {
        assert.equal(await client.command(command), '-ERR Log in over TLS only: use STLS first');
      }
      await client.quit();
      await (await Pop3Client.login(tls, user, PASSWORD)).quit();
    });
  });

  it('takes commands in any split of packets', async () => {
    const user = await createUser(SIMPLE);
    const script = Buffer.from(`USER ${user}\r\nPASS ${PASSWORD}\r\nRETR 1\r\nUIDL 1\r\nQUIT\r\n`);
    let expected: string | undefined;
    for (let at = 1; at < script.length; at += 3) {
      const client = await LineClient.connect(running.at);
      await client.write(script.subarray(0, at));
      await new Promise((resolve) => setImmediate(resolve));
      await client.write(script.subarray(at));
      const answers = (await client.rest()).toString('latin1');
      expected ??= answers;
      assert.match(
        answers,
        /\+OK 25 octets\r\nSubject: simple\r\n\r\ntext\r\n\.\r\n\+OK 1 [0-9a-f]{32}\r\n\+OK Bye\r\n$/,
      );
      assert.equal(answers, expected, `split at ${String(at)}`);
    }
  });

  it('gives a large message as lines, of the size it announces', async () => {
    const user = await createUser(LARGE);
    const client = await Pop3Client.login(running.at, user, PASSWORD);
    const octets = await client.multiLine('RETR 1');
    assert.equal(octets.toString('latin1'), LARGE.replace(/\r?\n/g, '\r\n'));
    assert.equal(await client.command('LIST 1'), `+OK 1 ${String(octets.length)}`);
    assert.equal((await client.multiLine('TOP 1 3')).toString('latin1').split('\r\n').length, 6);
    await client.quit();
  });

  it('waits for a client that does not read', async () => {
    const user = await createUser(LARGE);
    const client = await Pop3Client.login(running.at, user, PASSWORD);
    client.lines.pause();
    await client.lines.write('RETR 1\r\n'.repeat(4));
    await new Promise((resolve) => setTimeout(resolve, 100));
    const other = await Pop3Client.login(running.at, user, PASSWORD);
    await other.quit();
    client.lines.resume();
    for (let n = 0; n < 4; n += 1) {
      assert.match(await client.lines.line(), /^\+OK \d+ octets$/);
      while ((await client.lines.line()) !== '.');
    }
    await client.quit();
  });

  it('keeps the maildrop of a session while mail arrives and goes', async () => {
    const name = await createUser(SIMPLE, DOTS);
    const client = await Pop3Client.login(running.at, name, PASSWORD);
    await store.deliver(Buffer.from('Subject: new\r\n\r\n'), `${name}@example.com`);
    assert.match(await client.command('STAT'), /^\+OK 2 /);
    assert.equal(await client.command('RETR 3'), '-ERR No such message');
    await client.ok('DELE 1');
    assert.equal(await client.quit(), '+OK Bye');
    const again = await Pop3Client.login(running.at, name, PASSWORD);
    const list = (await again.multiLine('UIDL')).toString('latin1').trim().split('\r\n');
    assert.equal(list.length, 2);
    assert.match(
      (await again.multiLine('RETR 2')).toString('latin1'),
      /^Return-Path: <sender@example\.org>\r\nDelivered-To: /,
    );
    await again.quit();
  });

  describe('trouble behind', () => {
    const failing = (code: MailErrorCode | 'crash') => async (): Promise<never> => {
      throw code === 'crash'
        ? new Error('10.0.0.1 is down')
        : new MailError(code, 'a text for nobody', { cause: 'secret' });
    };

    const logins: readonly (readonly [MailErrorCode | 'crash', string])[] = [
      ['unavailable', '-ERR [SYS/TEMP] Storage is not available, please try again later'],
      ['crash', '-ERR [SYS/TEMP] Internal error, please try again later'],
      ['rate-limited', '-ERR [SYS/TEMP] Too many attempts, please try again later'],
      ['account-disabled', '-ERR [SYS/PERM] This account is disabled'],
      ['authentication-failed', '-ERR [AUTH] Authentication failed'],
    ];
    for (const [code, answer] of logins) {
      it(`${code} at log-in`, async () => {
        await withServer(
          {},
          async ({ at }) => {
            const client = await Pop3Client.connect(at);
            await client.ok('USER someone');
            assert.equal(await client.command('PASS secret'), answer);
            await client.quit();
          },
          { auth: { login: failing(code) } },
        );
      });
    }

    it('never shows an empty maildrop', async () => {
      const user = await createUser(SIMPLE);
      const { mailboxes } = store.rooms;
      await withServer(
        {},
        async ({ at }) => {
          const client = await Pop3Client.connect(at);
          await client.ok(`USER ${user}`);
          assert.match(await client.command(`PASS ${PASSWORD}`), /^-ERR \[SYS\/TEMP\]/);
          assert.equal(await client.command('STAT'), '-ERR Log in first');
          await client.quit();
        },
        { mailboxes: { open: (...args) => mailboxes.open(...args), find: failing('unavailable') } },
      );
    });

    for (const [code, answer] of [
      ['unavailable', '-ERR [SYS/TEMP] Storage is not available, please try again later\r\n'],
      ['outcome-unknown', ''],
    ] as const) {
      it(`${code} at QUIT`, async () => {
        const user = await createUser(SIMPLE);
        const { mailboxes } = store.rooms;
        await withServer(
          {},
          async ({ at }) => {
            const client = await Pop3Client.login(at, user, PASSWORD);
            await client.ok('DELE 1');
            await client.lines.write('QUIT\r\n');
            assert.equal((await client.lines.rest()).toString('latin1'), answer);
          },
          {
            mailboxes: {
              find: (...args) => mailboxes.find(...args),
              open: async (...args) => Object.assign(await mailboxes.open(...args), { expunge: failing(code) }),
            },
          },
        );
      });
    }

    it('in the middle of a message ends the connection', async () => {
      const user = await createUser(LARGE);
      const { messages } = store.rooms;
      await withServer(
        {},
        async ({ at }) => {
          const client = await Pop3Client.login(at, user, PASSWORD);
          await client.lines.write('RETR 1\r\nNOOP\r\n');
          const received = (await client.lines.rest()).toString('latin1');
          assert.match(received, /^\+OK \d+ octets\r\n/);
          assert.doesNotMatch(received, /\r\n\.\r\n|-ERR|Nothing done/);
        },
        {
          messages: {
            open: async (...args) => {
              const content = await messages.open(...args);
              const range = (start: number, end: number): Readable =>
                Readable.from(brokenOff(content.range(start, end)));
              return { size: content.size, range } as MessageContent;
            },
          },
        },
      );
    });
  });

  describe('limits', () => {
    it('bad commands before log-in', async () => {
      const client = await Pop3Client.connect(running.at);
      for (let n = 0; n < 5; n += 1) assert.match(await client.command('BOGUS'), /^-ERR Unknown command/);
      assert.equal((await client.command('BOGUS')).slice(0, 4), '-ERR');
      assert.equal(await client.lines.line(), '-ERR Too many bad commands');
      assert.equal((await client.lines.rest()).length, 0);
    });

    it('bad commands after log-in', async () => {
      const client = await Pop3Client.login(running.at, await createUser(), PASSWORD);
      for (let n = 0; n < 20; n += 1) assert.match(await client.command('BOGUS'), /^-ERR Unknown command/);
      await client.command('BOGUS');
      assert.equal(await client.lines.line(), '-ERR Too many bad commands');
      assert.equal((await client.lines.rest()).length, 0);
    });

    it('the length of a line', async () => {
      const client = await Pop3Client.connect(running.at);
      for (const [length, answer] of [
        [511, '-ERR NOOP'],
        [512, '-ERR NOOP'],
        [513, '-ERR Line too long'],
      ] as const) {
        await client.lines.write(`NOOP ${'x '.repeat(length)}`.slice(0, length - 2) + '\r\n');
        assert.ok((await client.lines.line()).startsWith(answer), String(length));
      }
      await client.lines.write('x'.repeat(100_000));
      assert.equal(await client.lines.line(), '-ERR Line too long');
      assert.equal((await client.lines.rest()).length, 0);
    });

    it('a SASL response may be longer, up to its own limit', async () => {
      const client = await Pop3Client.connect(running.at);
      for (const [length, answer] of [
        [12_288, '-ERR [AUTH] Authentication failed'],
        [12_292, '-ERR Line too long'],
      ] as const) {
        await client.lines.write('AUTH PLAIN\r\n');
        assert.equal(await client.lines.line(), '+ ');
        const response = Buffer.from(`\0user\0${'p'.repeat(20_000)}`)
          .toString('base64')
          .slice(0, length - 4);
        await client.lines.write(`${response}${length % 4 === 0 ? '' : '='}\r\n`);
        assert.equal(await client.lines.line(), answer, String(length));
      }
      await client.quit();
    });

    it('NUL, 8-bit, bare CR and names of prototypes are just unknown commands', async () => {
      await withServer({ maxBadCommandsBeforeLogin: 100 }, async ({ at }) => {
        const client = await Pop3Client.connect(at);
        for (const text of [
          '\0',
          '\xff\xfe',
          'ST\rAT',
          '',
          ' ',
          '__proto__',
          'constructor x',
          '+OK',
          'CAPA\0',
          'QUIT x',
        ]) {
          assert.match(await client.command(text), /^-ERR /, JSON.stringify(text));
        }
        await client.quit();
      });
    });

    it('time before log-in, over TLS too', async () => {
      await withServer({ loginTimeout: 60 }, async ({ at, tls }) => {
        const client = await Pop3Client.connect(at);
        assert.equal(await client.lines.line(), '-ERR Log in faster');
        assert.equal((await client.lines.rest()).length, 0);
        const silent = await LineClient.connect({ host: tls.host, port: tls.port });
        assert.equal((await silent.rest()).length, 0);
      });
    });

    it('silence after log-in', async () => {
      const user = await createUser(SIMPLE);
      await withServer({ idleTimeout: 400 }, async ({ at }) => {
        const client = await Pop3Client.login(at, user, PASSWORD);
        await client.ok('DELE 1');
        assert.equal((await client.lines.rest()).length, 0);
        const again = await Pop3Client.login(at, user, PASSWORD);
        assert.match(await again.command('STAT'), /^\+OK 1 /);
        await again.quit();
      });
    });

    it('connections of one address that have not logged in', async () => {
      const user = await createUser();
      await withServer({ maxUnauthenticatedPerAddress: 2 }, async ({ at, tls }) => {
        const first = await Pop3Client.connect(at);
        const second = await Pop3Client.connect(at);
        const third = await LineClient.connect(at);
        assert.match((await third.rest()).toString('latin1'), /^-ERR \[SYS\/TEMP\] Too many connections/);
        await assert.rejects(LineClient.connect(tls));
        await first.ok(`USER ${user}`);
        await first.ok(`PASS ${PASSWORD}`);
        const fourth = await Pop3Client.connect(at);
        for (const client of [first, second, fourth]) await client.quit();
      });
    });

    it('connections of all that have not logged in', async () => {
      await withServer({ maxUnauthenticated: 1 }, async ({ at }) => {
        const first = await Pop3Client.connect(at);
        const second = await LineClient.connect(at);
        assert.match((await second.rest()).toString('latin1'), /^-ERR \[SYS\/TEMP\] Too many connections/);
        await first.quit();
      });
    });

    it('sessions of one user', async () => {
      const user = await createUser();
      await withServer({ maxConnectionsPerUser: 2 }, async ({ at }) => {
        const first = await Pop3Client.login(at, user, PASSWORD);
        const second = await Pop3Client.login(at, user, PASSWORD);
        const third = await Pop3Client.connect(at);
        await third.ok(`USER ${user}`);
        assert.equal(await third.command(`PASS ${PASSWORD}`), '-ERR [IN-USE] Too many sessions of this user');
        await first.quit();
        await first.lines.rest();
        await third.ok(`USER ${user}`);
        await third.ok(`PASS ${PASSWORD}`);
        await second.quit();
        await third.quit();
      });
    });
  });

  it('says goodbye when it closes, and answers what is under way', async () => {
    const user = await createUser(LARGE);
    const own = await start();
    const idle = await Pop3Client.connect(own.at);
    const busy = await Pop3Client.login(own.at, user, PASSWORD);
    busy.lines.pause();
    await busy.lines.write('RETR 1\r\nNOOP\r\n');
    // Of the message the sockets hold only a part.
    await new Promise((resolve) => setTimeout(resolve, 50));
    const closed = own.server.close(5000);
    assert.equal(await idle.lines.line(), '-ERR [SYS/TEMP] Shutting down, please try again later');
    busy.lines.resume();
    const received = (await busy.lines.rest()).toString('latin1');
    assert.match(received, /\r\n\.\r\n(\+OK Nothing done\r\n)?-ERR \[SYS\/TEMP\] Shutting down[^\n]*\r\n$/);
    idle.lines.end();
    busy.lines.end();
    await closed;
  });
});

async function* oneChunk(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text, 'latin1');
}

async function* brokenOff(stream: Readable): AsyncGenerator<Buffer> {
  let passed = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    yield chunk;
    passed += chunk.length;
    if (passed > 500_000) throw new Error('10.0.0.1 went away');
  }
}
