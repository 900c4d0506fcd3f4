import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { after, before, describe, it } from 'node:test';
import { LineClient } from '../support/line-client.ts';
import { makeDataDir, startServer, type ServerProcess } from '../support/server-process.ts';

const HEADER = 'PROXY TCP4 203.0.113.9 10.0.0.1 4096 143\r\n';

interface At {
  readonly host: string;
  readonly port: number;
}

/** Everything that comes until the server closes. */
function untilClosed(socket: Socket): Promise<string> {
  let text = '';
  return new Promise((resolve) => {
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
  });
}

describe('listeners behind a load balancer', () => {
  let data: Awaited<ReturnType<typeof makeDataDir>>;
  let server: ServerProcess;
  let plain: readonly (readonly [string, At, RegExp])[];
  before(async () => {
    data = await makeDataDir();
    const set = (text: string): string[] => ['--set', text];
    server = await startServer(data.path, {
      args: [
        ...set('proxy.trusted-networks=127.0.0.1'),
        ...set('proxy.header-timeout=300ms'),
        ...set('server.log-level=debug'),
      ],
    });
    const { imap, pop3, lmtp, api } = server.ready;
    const web = { host: '127.0.0.1', port: Number(new URL(api.url).port) };
    plain = [
      ['imap', imap, /^\* OK/],
      ['pop3', pop3, /^\+OK/],
      ['lmtp', lmtp, /^220 /],
      ['api', web, /^HTTP\/1.1 403 /],
    ];
  });
  after(async () => {
    await server.stop();
    await data.remove();
  });

  it('greet after the header, in one piece with what follows or octet by octet', async () => {
    for (const [name, at, greeting] of plain) {
      const request = name === 'api' ? 'GET /users HTTP/1.1\r\nHost: x\r\n\r\n' : '';
      const client = await LineClient.connect(at);
      await client.write(HEADER + request);
      assert.match(await client.line(), greeting, name);
      client.destroy();
      const slow = await LineClient.connect(at);
      for (const octet of HEADER) await slow.write(octet);
      await slow.write(request);
      assert.match(await slow.line(), greeting, name);
      slow.destroy();
    }
  });

  it('take commands that come in one packet with the header', async () => {
    const imap = await LineClient.connect(server.ready.imap);
    await imap.write(`${HEADER}a NOOP\r\n`);
    assert.match(await imap.line(), /^\* OK/);
    assert.match(await imap.line(), /^a OK/);
    imap.destroy();
    const pop3 = await LineClient.connect(server.ready.pop3);
    await pop3.write(`${HEADER}CAPA\r\n`);
    assert.match(await pop3.line(), /^\+OK Eider/);
    assert.match(await pop3.line(), /^\+OK/);
    pop3.destroy();
  });

  it('begin TLS behind the header, though its first octets came in the same packet', async () => {
    for (const at of [server.ready.imaps, server.ready.pop3s]) {
      const socket = connect(at.port, at.host);
      socket.cork();
      socket.write(HEADER);
      const secured = connectTls({ socket, rejectUnauthorized: false });
      setImmediate(() => socket.uncork());
      const greeting = await new Promise<string>((resolve, reject) => {
        secured.once('data', (chunk: Buffer) => resolve(chunk.toString()));
        secured.once('error', reject);
        secured.once('close', () => reject(new Error('closed')));
      });
      assert.match(greeting, /^(\* OK|\+OK)/);
      secured.destroy();
    }
  });

  it('go by the client’s address: no password in the clear from elsewhere, and the log names it', async () => {
    const far = await LineClient.connect(server.ready.imap);
    await far.write(HEADER);
    assert.match(await far.line(), /LOGINDISABLED/);
    far.destroy();
    const near = await LineClient.connect(server.ready.imap);
    await near.write('PROXY TCP4 127.0.0.1 10.0.0.1 4096 143\r\n');
    assert.doesNotMatch(await near.line(), /LOGINDISABLED/);
    near.destroy();
    const web = await LineClient.connect(plain[3]?.[1] ?? server.ready.imap);
    await web.write(`${HEADER}GET /users HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    await web.rest();
    await server.said(/"remoteAddress":"203\.0\.113\.9"/);
  });

  it('close connections whose header is none, cut off, too long or too slow, without a word', async () => {
    const cases: readonly (readonly [string, string | Buffer, boolean])[] = [
      ['none', 'a LOGIN b c\r\n', false],
      ['cut off', HEADER.slice(0, 12), true],
      ['too long', `PROXY UNKNOWN ${'x'.repeat(5000)}`, false],
      ['too slow', 'PROXY ', false],
      ['nothing', '', false],
      [
        'oversized',
        Buffer.concat([Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1'), Buffer.from([0x21, 0x11, 0xff, 0xff])]),
        false,
      ],
    ];
    for (const [name, at] of plain) {
      const answers = cases.map(async ([what, octets, ends]) => {
        const socket = connect(at.port, at.host);
        const closed = untilClosed(socket);
        if (octets.length > 0) socket.write(octets);
        if (ends) socket.end();
        assert.equal(await closed, '', `${name}: ${what}`);
      });
      await Promise.all(answers);
    }
  });
});

describe('listeners that trust somebody else', () => {
  it('close connections of strangers at once, header or none', async () => {
    const data = await makeDataDir();
    const server = await startServer(data.path, { args: ['--set', 'proxy.trusted-networks=192.0.2.0/24'] });
    try {
      for (const at of [server.ready.imap, server.ready.imaps, server.ready.pop3, server.ready.lmtp]) {
        for (const octets of ['', HEADER]) {
          const socket = connect(at.port, at.host);
          const closed = untilClosed(socket);
          if (octets !== '') socket.write(octets);
          assert.equal(await closed, '');
        }
      }
    } finally {
      await server.stop();
      await data.remove();
    }
  });
});
