import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LineClient } from '../../support/line-client.ts';
import { Pop3Client } from '../../support/pop3-client.ts';
import { SIMPLE, usePop3 } from './pop3-stack.ts';
import { PASSWORD } from '../store.ts';

describe('limits of a POP3 server', () => {
  const { createUser, withServer, on } = usePop3();

  it('bad commands before log-in', async () => {
    const client = await Pop3Client.connect(on().at);
    for (let n = 0; n < 5; n += 1) assert.match(await client.command('BOGUS'), /^-ERR Unknown command/);
    assert.equal((await client.command('BOGUS')).slice(0, 4), '-ERR');
    assert.equal(await client.lines.line(), '-ERR Too many bad commands');
    assert.equal((await client.lines.rest()).length, 0);
  });

  it('bad commands after log-in', async () => {
    const client = await Pop3Client.login(on().at, await createUser(), PASSWORD);
    for (let n = 0; n < 20; n += 1) assert.match(await client.command('BOGUS'), /^-ERR Unknown command/);
    await client.command('BOGUS');
    assert.equal(await client.lines.line(), '-ERR Too many bad commands');
    assert.equal((await client.lines.rest()).length, 0);
  });

  it('the length of a line', async () => {
    const client = await Pop3Client.connect(on().at);
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
    const client = await Pop3Client.connect(on().at);
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
