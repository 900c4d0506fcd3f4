import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LmtpClient, dotStuffed } from '../../support/lmtp-client.ts';
import { LineClient } from '../../support/line-client.ts';
import { withServer } from './lmtp-stack.ts';

describe('LMTP limits', () => {
  it('closes after too many bad commands', async () => {
    await withServer({ maxBadCommands: 3 }, async ({ at }) => {
      const client = await LmtpClient.connect(at);
      for (let n = 0; n < 3; n += 1) assert.match(await client.command('BOGUS'), /^500 /);
      assert.match(await client.command('BOGUS'), /^500 /);
      assert.match(await client.reply(), /^421 4\.7\.0 /);
      assert.equal((await client.lines.rest()).length, 0);
    });
  });

  it('bounds a command line', async () => {
    await withServer({}, async ({ at }) => {
      const client = await LmtpClient.connect(at);
      await client.lines.write(`NOOP ${'x'.repeat(4096 - 5)}\r\n`);
      assert.match(await client.reply(), /^250 /);
      await client.lines.write('y'.repeat(10_000));
      assert.match(await client.reply(), /^421 4\.5\.2 /);
      assert.equal((await client.lines.rest()).length, 0);
    });
  });

  it('bounds recipients', async () => {
    await withServer({ maxRecipients: 100 }, async ({ at, rooms }) => {
      const client = await LmtpClient.connect(at);
      await client.command('MAIL FROM:<>');
      for (let n = 0; n < 100; n += 1) assert.match(await client.command('RCPT TO:<same@example.com>'), /^250 /);
      assert.match(await client.command('RCPT TO:<same@example.com>'), /^452 4\.5\.3 /);
      await client.command('DATA');
      await client.lines.write('.\r\n');
      for (let n = 0; n < 100; n += 1) assert.match(await client.reply(), /^250 /);
      assert.equal(rooms.messages[0]?.envelope.recipients.length, 100);
      await client.quit();
    });
  });

  it('bounds a message, and takes the next one on the same connection', async () => {
    await withServer({ maxMessageSize: 65_536 }, async ({ at }) => {
      const client = await LmtpClient.connect(at);
      const two = ['one@example.com', 'two@example.com'];
      for (const [size, code] of [
        [65_535, '250'],
        [65_536, '250'],
        [65_537, '552'],
        [5_000_000, '552'],
        [10, '250'],
      ] as const) {
        const message = Buffer.concat([Buffer.alloc(size - 2, 'x'), Buffer.from('\r\n')]);
        const replies = await client.deliver(message, two);
        assert.deepEqual(
          replies.map((reply) => reply.slice(0, 3)),
          [code, code],
          String(size),
        );
        if (code === '552') assert.match(replies[0] ?? '', /^552 5\.3\.4 /);
      }
      assert.match(await client.command('MAIL FROM:<> SIZE=65536'), /^250 /);
      await client.command('RSET');
      assert.match(await client.command('MAIL FROM:<> SIZE=65537'), /^552 5\.3\.4 /);
      await client.quit();
    });
  });

  it('bounds connections', async () => {
    await withServer({ maxConnections: 2 }, async ({ at }) => {
      const first = await LmtpClient.connect(at);
      const second = await LmtpClient.connect(at);
      const third = await LineClient.connect(at);
      assert.match(await third.line(), /^421 4\.3\.2 /);
      assert.equal((await third.rest()).length, 0);
      await first.quit();
      third.destroy();
      const fourth = await LmtpClient.connect(at);
      assert.match(await fourth.command('NOOP'), /^250 /);
      await second.quit();
      await fourth.quit();
    });
  });

  it('bounds the messages that are under way, before their octets travel', async () => {
    await withServer({ maxMessages: 2 }, async ({ at }) => {
      const clients = await Promise.all([1, 2, 3].map(() => LmtpClient.connect(at)));
      const [first, second, third] = clients;
      assert.ok(first && second && third);
      assert.equal(await first.start(['user@example.com']), 1);
      assert.equal(await second.start(['user@example.com']), 1);
      await third.command('MAIL FROM:<>');
      assert.match(await third.command('DATA'), /^503 /);
      await third.command('RCPT TO:<user@example.com>');
      assert.match(await third.command('DATA'), /^452 4\.3\.2 /);
      // One ends, and one goes away in the middle: the room of each is free again.
      await first.lines.write(dotStuffed(Buffer.from('Subject: one\r\n\r\n')));
      assert.match(await first.reply(), /^250 /);
      assert.match(await third.command('DATA'), /^354 /);
      assert.match(await first.command('NOOP'), /^250 /);
      assert.equal(
        await first.start(['user@example.com']).catch(String),
        'Error: 452 4.3.2 Too many messages at once, please try again later',
      );
      second.lines.destroy();
      await first.command('RSET');
      let again: string | number = '';
      for (let tries = 0; tries < 200 && again !== 1; tries += 1) {
        await first.command('RSET');
        again = await first.start(['user@example.com']).catch(String);
      }
      assert.equal(again, 1);
      for (const client of [first, third]) {
        await client.lines.write(dotStuffed(Buffer.from('Subject: two\r\n\r\n')));
        assert.match(await client.reply(), /^250 /);
        await client.quit();
      }
    });
  });

  it('closes an idle connection, and a message that trickles', async () => {
    await withServer({ idleTimeout: 500, dataTimeout: 600 }, async ({ at, rooms }) => {
      const idle = await LmtpClient.connect(at);
      const slow = await LmtpClient.connect(at);
      await slow.start(['user@example.com']);
      const trickle = setInterval(() => void slow.lines.write('x'), 50);
      assert.match(await idle.reply(), /^421 4\.4\.2 /);
      assert.match(await slow.reply(), /^421 4\.4\.2 /);
      clearInterval(trickle);
      slow.lines.destroy();
      idle.lines.destroy();
      assert.equal(rooms.messages.length, 0);
    });
  });

  it('pauses the client while the message is not read', async () => {
    await withServer({}, async ({ at, rooms }) => {
      let release: () => void = () => undefined;
      const gate = new Promise<void>((resolve) => {
        release = resolve;
      });
      const ingest = rooms.ingest.bind(rooms);
      rooms.ingest = async (source, options) => {
        await gate;
        return ingest(source, options);
      };
      const client = await LmtpClient.connect(at);
      await client.start(['user@example.com']);
      const message = Buffer.concat([Buffer.alloc(32 * 1024 * 1024, 'x'), Buffer.from('\r\n')]);
      const written = client.lines.write(Buffer.concat([message, Buffer.from('.\r\n')]));
      const isDone = await Promise.race([
        written.then(() => true),
        new Promise<false>((resolve) =>
          setTimeout(() => {
            resolve(false);
          }, 200),
        ),
      ]);
      assert.equal(isDone, false);
      assert.ok(client.lines.socket.writableLength > 16 * 1024 * 1024);
      release();
      await written;
      assert.match(await client.reply(), /^250 /);
      assert.equal(rooms.messages[0]?.octets.length, message.length);
      await client.quit();
    });
  });
});
