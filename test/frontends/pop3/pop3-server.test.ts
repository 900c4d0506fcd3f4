import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LineClient } from '../../support/line-client.ts';
import { Pop3Client } from '../../support/pop3-client.ts';
import { DOTS, LARGE, SIMPLE, usePop3 } from './pop3-stack.ts';
import { PASSWORD } from '../store.ts';
import { playTranscript, readTranscripts } from '../transcript.ts';

describe('POP3 server', () => {
  const { store, start, createUser, withServer, on } = usePop3();

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
        const client = await Pop3Client.login(on().at, user, PASSWORD);
        for (const line of (await client.multiLine('UIDL')).toString('latin1').trim().split('\r\n')) {
          const [number, id] = line.split(' ');
          words.set(`id${number ?? ''}`, id ?? '');
        }
        await client.quit();
        await playTranscript(transcript, on().at, words);
      });
    }
  });

  it('serves implicit TLS', async () => {
    const user = await createUser(SIMPLE);
    const client = await Pop3Client.login(on().tls, user, PASSWORD);
    assert.doesNotMatch((await client.multiLine('CAPA')).toString('latin1'), /STLS/);
    assert.equal(await client.command('STLS'), '-ERR Already logged in');
    assert.equal((await client.multiLine('RETR 1')).toString('latin1'), SIMPLE);
    await client.quit();
  });

  it('upgrades by STLS, forgets what was said before and drops what was pipelined behind it', async () => {
    const user = await createUser(SIMPLE);
    const client = await LineClient.connect(on().at);
    await client.line();
    const login = `USER ${user}\r\nPASS ${PASSWORD}\r\n`;
    await client.write(`USER ${user}\r\nSTLS\r\nPASS ${PASSWORD}\r\n${login}DELE 1\r\n${'NOOP\r\n'.repeat(500)}NO`);
    assert.equal(await client.line(), '+OK Send PASS');
    assert.equal(await client.line(), '+OK Begin TLS negotiation');
    await client.startTls();
    await client.write(`PASS ${PASSWORD}\r\nSTLS\r\n${login}STAT\r\nQUIT\r\n`);
    // Nothing of the plaintext is answered; USER is forgotten.
    assert.deepEqual((await client.rest()).toString('latin1').split('\r\n'), [
      '-ERR Send USER first',
      '-ERR TLS is active already',
      '+OK Send PASS',
      `+OK 1 messages (${String(SIMPLE.length)} octets)`,
      `+OK 1 ${String(SIMPLE.length)}`,
      '+OK Bye',
      '',
    ]);
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
      const client = await LineClient.connect(on().at);
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
    const client = await Pop3Client.login(on().at, user, PASSWORD);
    const octets = await client.multiLine('RETR 1');
    assert.equal(octets.toString('latin1'), LARGE.replace(/\r?\n/g, '\r\n'));
    assert.equal(await client.command('LIST 1'), `+OK 1 ${String(octets.length)}`);
    assert.equal((await client.multiLine('TOP 1 3')).toString('latin1').split('\r\n').length, 6);
    await client.quit();
  });

  it('waits for a client that does not read', async () => {
    const user = await createUser(LARGE);
    const client = await Pop3Client.login(on().at, user, PASSWORD);
    client.lines.pause();
    await client.lines.write('RETR 1\r\n'.repeat(4));
    await new Promise((resolve) => setTimeout(resolve, 100));
    const other = await Pop3Client.login(on().at, user, PASSWORD);
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
    const client = await Pop3Client.login(on().at, name, PASSWORD);
    await store().deliver(Buffer.from('Subject: new\r\n\r\n'), `${name}@example.com`);
    assert.match(await client.command('STAT'), /^\+OK 2 /);
    assert.equal(await client.command('RETR 3'), '-ERR No such message');
    await client.ok('DELE 1');
    assert.equal(await client.quit(), '+OK Bye');
    const again = await Pop3Client.login(on().at, name, PASSWORD);
    const list = (await again.multiLine('UIDL')).toString('latin1').trim().split('\r\n');
    assert.equal(list.length, 2);
    assert.match(
      (await again.multiLine('RETR 2')).toString('latin1'),
      /^Return-Path: <sender@example\.org>\r\nDelivered-To: /,
    );
    await again.quit();
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
