import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, beforeEach, describe, it } from 'node:test';
import { LmtpClient, dotStuffed } from '../../support/lmtp-client.ts';
import { LineClient } from '../../support/line-client.ts';
import { playTranscript, readTranscripts } from '../transcript.ts';
import { start, withServer, type Running } from './lmtp-stack.ts';

describe('LMTP server', () => {
  let running: Running;
  before(async () => {
    running = await start();
  });
  after(() => running.server.close(0));
  beforeEach(() => {
    running.rooms.messages.length = 0;
  });

  describe('transcripts', async () => {
    for (const transcript of await readTranscripts('lmtp')) {
      it(transcript.name, () => playTranscript(transcript, running.at));
    }
  });

  it('greets without delay', async () => {
    let fastest = Infinity;
    for (let n = 0; n < 5; n += 1) {
      const start = performance.now();
      const client = await LineClient.connect(running.at);
      await client.line();
      fastest = Math.min(fastest, performance.now() - start);
      client.destroy();
    }
    assert.ok(fastest < 90, String(fastest));
  });

  it('keeps the octets of a message, however they are cut', async () => {
    const message = Buffer.from('.a\r\n..b\r\n\n.\nx\r.\r\n.\r\n\0\xff\r\r\n.\r.\r\n', 'latin1');
    const data = dotStuffed(message);
    const client = await LmtpClient.connect(running.at);
    for (let at = 1; at < data.length; at += 1) {
      await client.start(['user@example.com']);
      await client.lines.write(data.subarray(0, at));
      // Two writes in two turns leave in two packets.
      await new Promise((resolve) => setImmediate(resolve));
      await client.lines.write(data.subarray(at));
      assert.match(await client.reply(), /^250 /);
      assert.deepEqual(running.rooms.messages.pop()?.octets, message, `cut at ${String(at)}`);
    }
    await client.quit();
  });

  it('never takes another line end for the end of the data', async () => {
    const client = await LmtpClient.connect(running.at);
    const ends = ['\n.\n', '\r.\r', '\n.\r\n', '\r\n.\n', '\r\n.\r', '\r\n.\0\r\n', '\n\r.\r\n', '\r\n. \r\n'];
    for (const end of ends) {
      await client.start(['user@example.com']);
      await client.lines.write(`text${end}MAIL FROM:<evil@example.org>\r\n`);
      await client.lines.write('\r\n.\r\n');
      assert.match(await client.reply(), /^250 2\.1\.5 Delivered/);
      assert.match(await client.command('NOOP'), /^250 2\.0\.0/);
      assert.equal(running.rooms.messages.length, 1);
      assert.match(
        running.rooms.messages.pop()?.octets.toString('latin1') ?? '',
        /MAIL FROM:<evil@example\.org>\r\n\r\n$/,
      );
    }
    await client.quit();
  });

  it('passes the envelope on', async () => {
    const client = await LmtpClient.connect(running.at);
    await client.command('MAIL FROM:<"odd one"@example.org> BODY=8BITMIME SMTPUTF8');
    await client.command('RCPT TO:<User+label@example.com>');
    await client.command('DATA');
    await client.lines.write('\r\n.\r\n');
    assert.match(await client.reply(), /^250 /);
    const envelope = running.rooms.messages[0]?.envelope;
    assert.equal(envelope?.reversePath, '"odd one"@example.org');
    assert.deepEqual(
      envelope.recipients.map(({ address }) => address),
      ['User+label@example.com'],
    );
    assert.equal(envelope.helo, 'client.example');
    assert.equal(envelope.remoteAddress, '127.0.0.1');
    assert.equal(envelope.protocol, 'UTF8LMTP');
    assert.match(envelope.id, /^[a-z0-9]+$/);
    await client.quit();
  });

  it('leaves nothing of a client that goes away in the middle of a message', async () => {
    for (const leave of ['destroy', 'end'] as const) {
      const client = await LmtpClient.connect(running.at);
      await client.start(['user@example.com']);
      await client.lines.write(Buffer.alloc(300_000, 'x'));
      const closed = once(client.lines.socket, 'close');
      client.lines[leave]();
      await closed;
    }
    const client = await LmtpClient.connect(running.at);
    assert.equal((await client.deliver(Buffer.from('next\r\n'), ['user@example.com'])).length, 1);
    assert.equal(running.rooms.messages.length, 1);
    assert.equal(running.rooms.open, 0);
    await client.quit();
  });

  it('delivers a message whose client goes away before the replies', async () => {
    const client = await LmtpClient.connect(running.at);
    await client.start(['user@example.com']);
    const delivered = new Promise<void>((resolve) => {
      running.rooms.beforeDelivery = async () => {
        resolve();
      };
    });
    await client.lines.write('text\r\n.\r\n');
    client.lines.end();
    await delivered;
    running.rooms.beforeDelivery = () => Promise.resolve();
  });

  it('upgrades by STARTTLS and drops what was pipelined behind it', async () => {
    await withServer({ offerTlsOnLoopback: true }, async ({ at, rooms }) => {
      const client = await LmtpClient.connect(at);
      const { lines } = client;
      assert.match(await client.command('LHLO client.example'), /^250-STARTTLS$/m);
      await client.command('MAIL FROM:<before@example.org>');
      const evil = 'LHLO evil.example\r\nMAIL FROM:<>\r\nRCPT TO:<user@example.com>\r\nDATA\r\nevil\r\n.\r\n';
      // The library lets others have their turn after each hundred commands.
      await lines.write(`NOOP\r\nSTARTTLS\r\n${evil}${'NOOP\r\n'.repeat(1000)}${evil}NO`);
      assert.equal(await client.reply(), '250 2.0.0 OK');
      assert.match(await client.reply(), /^220 2\.0\.0 /);
      await lines.startTls();
      assert.match(await client.command('MAIL FROM:<>'), /^503 5\.5\.1 /);
      assert.doesNotMatch(await client.command('LHLO client.example'), /STARTTLS/);
      assert.match(
        (await client.deliver(Buffer.from('text\r\n'), ['user@example.com'])).join('\n'),
        /^250 2\.1\.5 [^\n]*$/,
      );
      await lines.write('QUIT\r\n');
      assert.match((await lines.rest()).toString(), /^221 [^\n]*\n$/);
      assert.equal(rooms.messages.length, 1);
      assert.equal(rooms.messages[0]?.octets.toString(), 'text\r\n');
      assert.equal(rooms.messages[0].envelope.protocol, 'LMTPS');
      assert.equal(rooms.messages[0].envelope.helo, 'client.example');
    });
  });

  it('answers 452 for a full mailbox where the setting says so', async () => {
    await withServer({ overQuotaIsTemporary: true }, async ({ at }) => {
      const client = await LmtpClient.connect(at);
      assert.deepEqual(await client.deliver(Buffer.from('a\r\n'), ['fails-over-quota@example.com']), [
        '452 4.2.2 Mailbox is full',
      ]);
      await client.quit();
    });
  });

  describe('closing', () => {
    it('sends idle clients away and answers a message under way', async () => {
      const { at, server, rooms } = await start();
      const idle = await LmtpClient.connect(at);
      const busy = await LmtpClient.connect(at);
      await busy.start(['user@example.com']);
      const closed = server.close(5000);
      assert.match(await idle.reply(), /^421 4\.3\.2 /);
      idle.lines.end();
      await busy.lines.write('text\r\n.\r\n');
      assert.match(await busy.reply(), /^250 /);
      assert.match(await busy.reply(), /^421 4\.3\.2 /);
      busy.lines.end();
      await closed;
      assert.equal(rooms.messages.length, 1);
    });

    it('cuts off what is left at the deadline, without a word about a commit under way', async () => {
      const { at, server, rooms } = await start();
      const committing = await LmtpClient.connect(at);
      await committing.start(['user@example.com']);
      const reached = new Promise<void>((resolve) => {
        rooms.beforeDelivery = () => {
          resolve();
          return new Promise(() => undefined);
        };
      });
      await committing.lines.write('text\r\n.\r\n');
      await reached;
      const sending = await LmtpClient.connect(at);
      await sending.start(['user@example.com']);
      const closed = server.close(50);
      assert.match(await sending.reply(), /^421 4\.3\.2 /);
      assert.equal((await committing.lines.rest()).length, 0);
      await closed;
      sending.lines.destroy();
    });
  });
});
