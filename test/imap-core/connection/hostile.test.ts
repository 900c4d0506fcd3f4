import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type ImapTestServer, startImapTestServer } from '../../support/imap-test-server.ts';
import { LineClient } from '../../support/line-client.ts';

let server: ImapTestServer;
before(async () => {
  server = await startImapTestServer();
});
after(async () => {
  await server.close();
  assert.deepEqual(server.complaints, []);
  assert.equal(server.alice.openSessions, 0);
});

async function connect(): Promise<LineClient> {
  return await LineClient.connect({ host: '127.0.0.1', port: server.port });
}

/** What the server says to these octets until it hangs up. */
async function converse(octets: string | Buffer): Promise<string> {
  const client = await connect();
  await client.write(octets);
  client.end();
  return (await client.rest()).toString('latin1');
}

describe('hostile input', () => {
  it('plaintext behind STARTTLS is dropped', async () => {
    const client = await connect();
    await client.line();
    const injected = `b LOGIN alice secret\r\nc CREATE Injected\r\n${'n NOOP\r\n'.repeat(500)}d `;
    await client.write(`a STARTTLS\r\n${injected}`);
    assert.equal(await client.line(), 'a OK Begin TLS negotiation now');
    await client.startTls();
    await client.write('e CREATE Injected\r\nf LOGOUT\r\n');
    assert.equal(
      (await client.rest()).toString(),
      'e BAD CREATE is not for this state\r\n* BYE Logging out\r\nf OK Completed\r\n',
    );
    assert.equal(server.alice.mailboxes.has('Injected'), false);
  });

  it('no TLS behind STARTTLS, or half a handshake', async () => {
    for (const octets of ['hello\r\n', '\x16\x03\x01\x00']) {
      const client = await connect();
      await client.line();
      await client.write('a STARTTLS\r\n');
      await client.line();
      await client.write(octets);
      client.end();
      await client.rest();
    }
  });

  it('commands cut short', async () => {
    for (const text of ['a', 'a LOGIN', 'a LOGIN {5}\r\nab', 'a AUTHENTICATE PLAIN\r\nAGFs', 'a LOGIN alice "']) {
      const answer = await converse(text);
      assert.match(answer, /^\* OK [^\r]*\r\n(\+ [^\r]*\r\n)?$/, text);
    }
  });

  it('commands before the end of the connection are answered', async () => {
    assert.match(
      await converse('a NOOP\r\nb LOGIN alice secret\r\nc SELECT INBOX\r\n'),
      /c OK \[READ-WRITE\] Selected\r\n$/,
    );
    assert.match(await converse('a NOOP\nb LOGOUT\n'), /a OK Completed\r\n\* BYE Logging out\r\nb OK Completed\r\n$/);
  });

  it('a message cut short is not stored', async () => {
    const before_ = server.alice.contents.size;
    await converse('a LOGIN alice secret\r\nb APPEND INBOX {1000}\r\nhello');
    await converse('a LOGIN alice secret\r\nb APPEND INBOX {5+}\r\nhello');
    assert.equal(server.alice.contents.size, before_);
  });

  it('NUL, 8-bit, bare CR and control characters', async () => {
    for (const name of [
      'a\0b',
      'a\rb',
      'a\x7fb',
      '\xff\xfe',
      '"a\0b"',
      '"a\rb"',
      '"\xe9"',
      '{3+}\r\na\0b',
      '{2+}\r\n\r\n',
    ]) {
      const answer = await converse(Buffer.from(`a LOGIN alice secret\r\nb CREATE ${name}\r\nc NOOP\r\n`, 'latin1'));
      assert.match(answer, /\r\nb (BAD|NO) [^\r]*\r\n(\* BAD [^\r]*\r\n)?c OK/, JSON.stringify(name));
    }
  });

  it('names of objects', async () => {
    const answer = await converse(
      'a constructor\r\nb __proto__ x\r\nc UID toString 1\r\nd LOGIN __proto__ x\r\ne LOGIN constructor secret\r\n',
    );
    assert.match(answer, /a BAD [^\r]*\r\nb BAD [^\r]*\r\nc BAD [^\r]*\r\nd NO [^\r]*\r\ne NO [^\r]*\r\n$/);
  });

  it('log-in of every broken kind', async () => {
    const responses = ['!!!', 'AAAA', 'A', 'AA==', Buffer.from('\0alice').toString('base64'), 'x'.repeat(9000)];
    const answer = await converse(
      responses.map((response, index) => `a${index} AUTHENTICATE PLAIN\r\n${response}\r\n`).join(''),
    );
    assert.equal(answer.match(/^a\d BAD /gm)?.length, 6);
    assert.match(await converse(`a LOGIN alice ${'x'.repeat(5000)}\r\n`), /a BAD Name or password too long/);
    assert.match(await converse('a LOGIN "" ""\r\n'), /a NO \[AUTHENTICATIONFAILED\]/);
  });

  it('literals of odd sizes', async () => {
    for (const size of ['99999999999999999999', '-1', '1.5', '', '0x10', '1 ', ' 1', '+']) {
      const answer = await converse(`a LOGIN alice {${size}}\r\nb NOOP\r\n`);
      assert.match(answer, /a BAD/, size);
      assert.match(answer, /b OK/, size);
    }
  });

  it('nothing but line ends, and deep parentheses', async () => {
    assert.match(await converse('\r\n'.repeat(100)), /(\* BAD [^\r]*\r\n){6}\* BYE Too many bad commands\r\n$/);
    const deep = '('.repeat(60_000);
    const answer = await converse(
      `a LOGIN alice secret\r\nb SELECT INBOX\r\nc SEARCH ${deep}\r\nd FETCH 1 ${deep}\r\ne STORE 1 FLAGS ${deep}\r\nf LIST ${deep}\r\ng ID ${deep}\r\n`,
    );
    assert.match(answer, /c NO \[LIMIT\][^\r]*\r\nd BAD[^\r]*\r\ne BAD[^\r]*\r\nf BAD[^\r]*\r\ng BAD/);
  });

  it('pipelined commands in any split of packets', async () => {
    const script = Buffer.from('a LOGIN {5}\r\nalice {6+}\r\nsecret\r\nb SELECT INBOX\r\nc SEARCH ALL\r\nd LOGOUT\r\n');
    const whole = (await converse(script)).replace(/UIDNEXT \d+/, '');
    for (const octets of [1, 3, 17]) {
      const client = await connect();
      client.socket.setNoDelay(true);
      for (let at = 0; at < script.length; at += octets) {
        await client.write(script.subarray(at, at + octets));
        await new Promise<void>((resolve) => {
          setImmediate(resolve);
        });
      }
      assert.equal((await client.rest()).toString().replace(/UIDNEXT \d+/, ''), whole);
    }
  });

  it('thousands of commands at once leave others their turn', async () => {
    const client = await connect();
    const other = await connect();
    await other.line();
    await client.write('a NOOP\r\n'.repeat(5000));
    const start = performance.now();
    await other.write('b NOOP\r\n');
    assert.equal(await other.line(), 'b OK Completed');
    assert.ok(performance.now() - start < 1000);
    await client.write('c LOGOUT\r\n');
    assert.match((await client.rest()).toString(), /c OK Completed\r\n$/);
    other.destroy();
  });

  it('a client that hangs up in the middle of everything', async () => {
    const commands = [
      'a IDLE\r\n',
      'a FETCH 1:* BODY[]\r\n',
      'a APPEND INBOX {99}\r\nx',
      'a LOGIN {5}\r\n',
      'a SEARCH BODY x\r\n',
    ];
    for (const command of commands) {
      const client = await connect();
      await client.line();
      await client.write(`l LOGIN alice secret\r\ns SELECT INBOX\r\n${command}`);
      while (!(await client.line()).startsWith('s ')) continue;
      client.destroy();
    }
    while (server.server.connectionCount > 0) {
      await new Promise<void>((resolve) => {
        setTimeout(resolve, 5);
      });
    }
    assert.equal(server.alice.openSessions, 0);
  });
});
