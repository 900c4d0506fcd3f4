import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createTransport } from 'nodemailer';
import type { User } from '../../../lib/accounts/index.ts';
import { createLmtpServer, lmtpSection, type LmtpServer } from '../../../lib/frontends/lmtp/index.ts';
import { silentLogger } from '../../../lib/kernel/logger.ts';
import { defaultsOf } from '../../../lib/kernel/section.ts';
import { LmtpClient } from '../../support/lmtp-client.ts';
import { openStore, type Store } from '../store.ts';

describe('LMTP to the store', () => {
  let store: Store;
  let server: LmtpServer;
  let at: { readonly host: string; readonly port: number };
  let users = 0;

  before(async () => {
    store = await openStore();
    server = createLmtpServer({
      delivery: store.delivery,
      messages: store.rooms.messages,
      logger: silentLogger,
      settings: defaultsOf(lmtpSection),
      hostname: 'mail.example.com',
    });
    at = { host: '127.0.0.1', port: (await server.listen({ host: '127.0.0.1', port: 0 })).port };
  });
  after(async () => {
    await server.close(0);
    await store.close();
  });

  async function createUser(quotaOctets?: number): Promise<User> {
    users += 1;
    return store.createUser(`user${String(users)}`, quotaOctets);
  }

  /** What is in INBOX, in order, whole. */
  async function inbox(user: User): Promise<readonly string[]> {
    const { mailboxes, messages } = store.rooms;
    const info = await mailboxes.find(user.account, 'INBOX');
    assert.ok(info);
    const opened = await mailboxes.open(user.account, info.id, { isReadOnly: true });
    const rows = [...opened.rows([{ from: 1, to: 0xffffffff }])];
    opened.close();
    const texts: string[] = [];
    for (const row of rows) {
      const content = await messages.open(user.account, row.messageId);
      texts.push((await content.readRange(0, content.size)).toString('latin1'));
    }
    return texts;
  }

  /** Without the three trace fields. */
  function withoutTrace(text: string | undefined): string {
    const received = text?.indexOf('\r\nReceived: ') ?? -1;
    const end = text?.indexOf(' +0000\r\n', received) ?? -1;
    assert.ok(received > 0 && end > 0);
    return text?.slice(end + 8) ?? '';
  }

  it('keeps octets that no mail program would write', async () => {
    const user = await createUser();
    const client = await LmtpClient.connect(at);
    const odd = [
      '\0\x01\xff\r\n',
      '.\r\n..\r\n\n.\n\r.\r',
      'no header at all',
      '\r\n',
      '\n',
      'Subject: x\r\n\r\n\r\n.\r\n',
      `A: ${'b'.repeat(100_000)}\r\n\r\n`,
    ];
    for (const text of odd) {
      assert.match((await client.deliver(Buffer.from(text, 'latin1'), [user.address]))[0] ?? '', /^250 2\.1\.5 /);
    }
    await client.quit();
    const kept = (await inbox(user)).map(withoutTrace);
    assert.deepEqual(
      kept,
      odd.map((text) => (text.endsWith('\r\n') ? text : `${text}\r\n`)),
    );
  });

  it('takes an empty message', async () => {
    const user = await createUser();
    const client = await LmtpClient.connect(at);
    assert.match((await client.deliver(Buffer.alloc(0), [user.address], ''))[0] ?? '', /^250 /);
    await client.quit();
    const [text] = await inbox(user);
    assert.equal(withoutTrace(text), '');
    assert.ok(text?.startsWith('Return-Path: <>\r\n'));
  });

  it('stores once what is sent again because the reply was lost', async () => {
    const user = await createUser();
    const message = Buffer.from('Subject: lost\r\n\r\n');
    const first = await LmtpClient.connect(at);
    await first.start([user.address]);
    await first.lines.write('Subject: lost\r\n\r\n.\r\n');
    first.lines.destroy();
    const replies: string[] = [];
    for (let n = 0; n < 3; n += 1) {
      const client = await LmtpClient.connect(at);
      replies.push(...(await client.deliver(message, [user.address])));
      await client.quit();
    }
    assert.equal(new Set(replies).size, 1);
    assert.match(replies[0] ?? '', /^250 2\.1\.5 Delivered, id [0-9a-f]{32} uid 1$/);
    assert.equal((await inbox(user)).length, 1);
  });

  it('stores one message of 20 connections that send the same octets', async () => {
    const user = await createUser();
    const replies = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const client = await LmtpClient.connect(at);
        const [reply] = await client.deliver(Buffer.from('Subject: same\r\n\r\n'), [user.address]);
        await client.quit();
        return reply;
      }),
    );
    assert.equal(replies.length, 20);
    assert.equal(new Set(replies).size, 1);
    assert.match(replies[0] ?? '', /^250 .* uid 1$/);
    assert.equal((await inbox(user)).length, 1);
  });

  it('answers each recipient for itself', async () => {
    const one = await createUser();
    const full = await createUser(1000);
    const two = await createUser();
    const disabled = await createUser();
    await store.rooms.accounts.update(disabled.id, { isDisabled: true });
    const client = await LmtpClient.connect(at);
    await client.command('MAIL FROM:<sender@example.org>');
    const accepted = [one, full, two, one];
    for (const user of accepted) assert.match(await client.command(`RCPT TO:<${user.address}>`), /^250 2\.1\.5 /);
    assert.equal(await client.command('RCPT TO:<nobody@example.com>'), '550 5.1.1 No such user here');
    assert.equal(await client.command(`RCPT TO:<${disabled.address}>`), '550 5.2.1 This account is disabled');
    await client.command('DATA');
    await client.lines.write(`Subject: some\r\n\r\n${'x'.repeat(2000)}\r\n.\r\n`);
    const replies: string[] = [];
    for (let n = 0; n < accepted.length; n += 1) replies.push(await client.reply());
    assert.deepEqual(
      replies.map((reply) => reply.slice(0, 9)),
      ['250 2.1.5', '552 5.2.2', '250 2.1.5', '250 2.1.5'],
    );
    assert.equal(replies[0], replies[3]);
    await client.quit();
    assert.deepEqual(await Promise.all([one, full, two].map(async (user) => (await inbox(user)).length)), [1, 0, 1]);
  });

  it('serves nodemailer', async () => {
    const one = await createUser();
    const two = await createUser();
    const transport = createTransport({ host: at.host, port: at.port, lmtp: true, name: 'client.example' });
    const sent = await transport.sendMail({
      from: 'Sender <sender@example.org>',
      to: [one.address, two.address, 'nobody@example.com'],
      subject: 'Grüße',
      text: '.\n..dots\nlast',
      attachments: [{ filename: 'data.bin', content: Buffer.alloc(300_000, 7) }],
    });
    transport.close();
    assert.deepEqual(sent.accepted, [one.address, two.address]);
    assert.deepEqual(sent.rejected, ['nobody@example.com']);
    for (const user of [one, two]) {
      const [text, ...more] = await inbox(user);
      assert.deepEqual(more, []);
      assert.match(text ?? '', /\r\nSubject: =\?UTF-8\?/);
      assert.match(text ?? '', /\r\n\r\n\.\r\n\.\.dots\r\nlast\r\n/);
    }
  });
});
