import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, beforeEach, describe, it } from 'node:test';
import { connect as connectTls, createSecureContext } from 'node:tls';
import { createSelfSignedCertificate } from '../../../lib/certificates/index.ts';
import { defaultsOf } from '../../../lib/kernel/section.ts';
import { silentLogger } from '../../../lib/kernel/logger.ts';
import {
  createLmtpServer,
  lmtpSection,
  type LmtpServer,
  type LmtpSettings,
} from '../../../lib/frontends/lmtp/index.ts';
import { LmtpClient, dotStuffed } from '../../support/lmtp-client.ts';
import { LineClient } from '../../support/line-client.ts';
import { playTranscript, readTranscripts } from '../transcript.ts';
import { MemoryDelivery } from './memory-delivery.ts';

const DEFAULTS = defaultsOf(lmtpSection);

interface Running {
  readonly at: { readonly host: string; readonly port: number };
  readonly server: LmtpServer;
  readonly rooms: MemoryDelivery;
}

const now = Date.now();
const pair = createSelfSignedCertificate({ names: ['localhost'], notBefore: now, notAfter: now + 3_600_000 });
const context = createSecureContext({ key: pair.privateKey, cert: pair.certificate });

async function start(settings: Partial<LmtpSettings> = {}): Promise<Running> {
  const rooms = new MemoryDelivery();
  const server = createLmtpServer({
    delivery: rooms,
    messages: rooms,
    logger: silentLogger,
    settings: { ...DEFAULTS, ...settings },
    hostname: 'mail.example.com',
    secureContext: () => context,
  });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  return { at: { host: '127.0.0.1', port }, server, rooms };
}

/** Runs one test against a server of its own settings. */
async function withServer(settings: Partial<LmtpSettings>, run: (running: Running) => Promise<void>): Promise<void> {
  const running = await start(settings);
  try {
    await run(running);
  } finally {
    await running.server.close(0);
  }
}

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
      const plain = await LmtpClient.connect(at);
      assert.match(await plain.command('LHLO client.example'), /^250-STARTTLS$/m);
      await plain.command('MAIL FROM:<before@example.org>');
      await plain.lines.write('NOOP\r\nSTARTTLS\r\nRCPT TO:<user@example.com>\r\nDATA\r\nevil\r\n.\r\n');
      assert.match(await plain.reply(), /^250 2\.0\.0 OK$/);
      assert.match(await plain.reply(), /^220 2\.0\.0 /);
      plain.lines.socket.removeAllListeners('data');
      const secure = connectTls({ socket: plain.lines.socket, rejectUnauthorized: false });
      await once(secure, 'secureConnect');
      const answers = secure[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
      const next = async (): Promise<string> => ((await answers.next()).value as Buffer).toString('latin1');
      secure.write('MAIL FROM:<>\r\n');
      assert.match(await next(), /^503 5\.5\.1 /);
      secure.write('LHLO client.example\r\n');
      assert.doesNotMatch(await next(), /STARTTLS/);
      secure.write('MAIL FROM:<>\r\nRCPT TO:<user@example.com>\r\nDATA\r\n');
      for (let text = ''; !text.includes('354');) text += await next();
      secure.write('text\r\n.\r\n');
      assert.match(await next(), /^250 2\.1\.5 /);
      assert.equal(rooms.messages.length, 1);
      assert.equal(rooms.messages[0]?.octets.toString(), 'text\r\n');
      assert.equal(rooms.messages[0].envelope.protocol, 'LMTPS');
      secure.destroy();
    });
  });

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
    const client = await LmtpClient.connect(running.at);
    await client.lines.write(`NOOP ${'x'.repeat(4096 - 5)}\r\n`);
    assert.match(await client.reply(), /^250 /);
    await client.lines.write('y'.repeat(10_000));
    assert.match(await client.reply(), /^421 4\.5\.2 /);
    assert.equal((await client.lines.rest()).length, 0);
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

  it('answers 452 for a full mailbox where the setting says so', async () => {
    await withServer({ overQuotaIsTemporary: true }, async ({ at }) => {
      const client = await LmtpClient.connect(at);
      assert.deepEqual(await client.deliver(Buffer.from('a\r\n'), ['fails-over-quota@example.com']), [
        '452 4.2.2 Mailbox is full',
      ]);
      await client.quit();
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
