import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import { describe, it } from 'node:test';
import { SessionError } from '../../../imap-core/index.ts';
import { type ImapTestServer, startImapTestServer } from '../../support/imap-test-server.ts';
import { LineClient } from '../../support/line-client.ts';

async function logIn({ port }: ImapTestServer, isTls = false): Promise<LineClient> {
  const client = await LineClient.connect({ host: '127.0.0.1', port, isTls });
  await client.line();
  await client.write('login LOGIN alice secret\r\n');
  assert.match(await client.line(), /^login OK /);
  return client;
}

describe('server', () => {
  it('speaks TLS from the first octet', async () => {
    const server = await startImapTestServer({ isImplicitTls: true, allowsPlaintextLogin: false });
    const client = await logIn(server, true);
    await client.write('a STARTTLS\r\nb LOGOUT\r\n');
    assert.match((await client.rest()).toString(), /a BAD .*\r\n\* BYE Logging out\r\nb OK Completed\r\n$/);
    await server.close();
    assert.deepEqual(server.complaints, []);
  });

  it('speaks no old TLS', async () => {
    const server = await startImapTestServer({ isImplicitTls: true });
    const socket = connectTls({
      port: server.port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1',
    });
    await assert.rejects(once(socket, 'secureConnect'));
    await server.close();
    assert.equal(server.server.connectionCount, 0);
  });

  it('says BYE to all when it closes, and is empty then', async () => {
    const server = await startImapTestServer();
    const clients = [await logIn(server), await logIn(server)];
    await clients[0]!.write('a SELECT INBOX\r\nb IDLE\r\n');
    while (!(await clients[0]!.line()).startsWith('+')) continue;
    const rests = clients.map(async (client) => (await client.rest()).toString());
    await server.close();
    for (const rest of await Promise.all(rests)) assert.equal(rest, '* BYE Server is shutting down\r\n');
    assert.equal(server.server.connectionCount, 0);
    assert.equal(server.alice.openSessions, 0);
  });

  it('lets a command end before it says BYE, and cuts off what does not end', async () => {
    const server = await startImapTestServer();
    const client = await logIn(server);
    await client.write('a APPEND INBOX {10}\r\n');
    assert.match(await client.line(), /^\+/);
    const closing = server.server.close(60_000);
    await client.write('0123456789\r\n');
    assert.match((await client.rest()).toString(), /^a OK \[APPENDUID .*\r\n\* BYE Server is shutting down\r\n$/);
    await closing;

    const other = await startImapTestServer();
    const stuck = await logIn(other);
    await stuck.write('a APPEND INBOX {10}\r\n');
    assert.match(await stuck.line(), /^\+/);
    await other.server.close(20);
    assert.equal((await stuck.rest()).toString(), '');
    assert.equal(other.alice.contents.size, 0);
  });

  it('ends a session whose account is gone', async () => {
    const server = await startImapTestServer();
    const client = await logIn(server);
    for (const end of server.alice.enders) end('Account has been removed');
    assert.equal((await client.rest()).toString(), '* BYE Account has been removed\r\n');
    await server.close();
  });

  it('cuts off, without a word, where a message breaks off in the middle', async () => {
    const server = await startImapTestServer();
    const client = await logIn(server);
    await client.write(`a APPEND INBOX {3000}\r\n`);
    await client.line();
    await client.write(`${'x'.repeat(3000)}\r\nb SELECT INBOX\r\n`);
    while (!(await client.line()).startsWith('b ')) continue;
    server.alice.failures.set('range', new SessionError('UNAVAILABLE', 'Disk on fire'));
    await client.write('c FETCH 1 BODY.PEEK[]\r\nd NOOP\r\n');
    const rest = (await client.rest()).toString();
    assert.doesNotMatch(rest, /^[cd] |BYE|\)\r\n/m);
    await server.close();
    assert.match(server.complaints.join(), /response broke off/);
    assert.equal(server.alice.openSessions, 0);
  });

  it('takes new limits while it runs', async () => {
    const server = await startImapTestServer();
    const client = await logIn(server);
    server.server.setLimits({ lineOctets: 20 });
    await client.write(`a NOOP\r\nb NOOP ${'x'.repeat(20)}\r\n`);
    assert.equal(await client.line(), 'a OK Completed');
    assert.equal(await client.line(), 'b BAD Line too long');
    client.destroy();
    await server.close();
  });

  it('tells an idle client at once: no timer, and no delayed acknowledgement of TCP, stands between', async (t) => {
    const server = await startImapTestServer();
    t.after(() => server.close());
    const client = await logIn(server);
    t.after(() => client.destroy());
    await client.write('a SELECT INBOX\r\nb IDLE\r\n');
    while (!(await client.line()).startsWith('+')) continue;
    const row = {
      messageId: 'm',
      flags: { system: 0, keywords: [] },
      size: 1,
      internalDate: { at: 0, zoneMinutes: 0 },
      sentDate: undefined,
    };
    const times: number[] = [];
    for (let count = 1; count <= 100; count += 1) {
      const start = performance.now();
      server.alice.existing('INBOX').append([row]);
      assert.equal(await client.line(), `* ${count} EXISTS`);
      times.push(performance.now() - start);
      assert.equal(await client.line(), `* ${count} RECENT`);
    }
    times.sort((x, y) => x - y);
    // Single ones may be late on a busy machine; 40 ms is what a delayed acknowledgement takes.
    assert.ok((times[50] ?? 0) < 40, `${times[50]} ms`);
  });
});
