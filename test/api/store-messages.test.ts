import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { refusal } from './api-stack.ts';
import { MESSAGE, openMailUser, PICTURE, simple, type MailUser } from './mail-user.ts';

const NOWHERE = 'f'.repeat(24);

describe('messages that are stored', () => {
  let api: MailUser['api'];
  let client: MailUser['client'];
  let upload: MailUser['upload'];
  let newMailbox: MailUser['newMailbox'];
  before(async () => {
    ({ api, client, upload, newMailbox } = await openMailUser('reader'));
  });
  after(() => api.close());

  it('gives back the octets that were uploaded', async () => {
    const mailbox = await newMailbox('octets');
    for (const octets of [
      Buffer.from(MESSAGE),
      Buffer.from('no header at all\nbare\rNUL\0'),
      randomBytes(300_000),
      Buffer.from('\n'),
    ]) {
      const uid = await upload(octets, '', mailbox);
      const { octets: source, headers } = await client.ok(
        'GET',
        `/users/me/mailboxes/${mailbox}/messages/${uid}/message.eml`,
      );
      assert.ok(source.equals(octets));
      assert.equal(headers.get('content-type'), 'message/rfc822');
      assert.equal(headers.get('content-length'), String(octets.length));
    }
  });

  it('takes a message as text in JSON, with flags and a date', async () => {
    const mailbox = await newMailbox('raw');
    const { body } = await client.ok('POST', `/users/me/mailboxes/${mailbox}/messages`, {
      raw: simple('Grüße'),
      unseen: true,
      flagged: 1,
      draft: 'on',
      date: '2020-01-02T03:04:05Z',
    });
    const { id: uid, size } = body['message'] as { id: number; size: number };
    const { body: message } = await client.ok('GET', `/users/me/mailboxes/${mailbox}/messages/${uid}`);
    assert.deepEqual(
      [message['seen'], message['flagged'], message['draft'], message['idate'], message['subject']],
      [false, true, true, '2020-01-02T03:04:05.000Z', 'Grüße'],
    );
    assert.equal(size, Buffer.byteLength(simple('Grüße')));
    const path = `/users/me/mailboxes/${mailbox}/messages`;
    for (const bad of [
      {},
      { raw: '' },
      { raw: 5 },
      { raw: ['x'] },
      { raw: 'x', date: 'perhaps' },
      { raw: 'x', from: { address: 'a' } },
      { nonsense: 1 },
    ]) {
      assert.deepEqual(
        refusal(await client.call('POST', path, bad)),
        [400, 'InputValidationError'],
        JSON.stringify(bad),
      );
    }
    assert.deepEqual(refusal(await client.call('POST', path, Buffer.alloc(0), 'message/rfc822')), [
      400,
      'InputValidationError',
    ]);
    assert.deepEqual(refusal(await client.call('POST', `/users/me/mailboxes/${NOWHERE}/messages`, { raw: 'x' })), [
      404,
      'NoSuchMailbox',
    ]);
  });

  it('puts a message together from fields, and lets none of them forge another', async () => {
    const mailbox = await newMailbox('composed');
    const path = `/users/me/mailboxes/${mailbox}/messages`;
    const fields = {
      to: [
        { name: 'Zoë', address: 'zoe@example.com' },
        { address: 'no address' },
        { address: 'x\r\nBcc: evil@example.com' },
      ],
      bcc: [{ address: 'hidden@example.com' }],
      subject: 'Grüße\r\nX-Forged: 1',
      text: 'Hällo',
      html: '<b>Hällo</b><img src="cid:pic">',
      headers: [
        { key: 'X-Note', value: 'one\r\nX-Forged: 2' },
        { key: 'Content-Type', value: 'text/evil' },
      ],
      attachments: [
        { filename: 'ä.bin', contentType: 'application/x-y', content: PICTURE.toString('base64') },
        { content: 'AAAA', cid: 'pic', contentType: 'image/png', contentDisposition: 'inline' },
      ],
      date: '2026-01-02T03:04:05Z',
      draft: true,
      from: { name: 'Me', address: 'somebody-else@example.com' },
    };
    const { body } = await client.ok('POST', path, fields);
    const uid = (body['message'] as { id: number }).id;
    const { body: message } = await client.ok('GET', `${path}/${uid}`);
    assert.deepEqual(
      [message['from'], message['to'], message['bcc'], message['subject'], message['date'], message['draft']],
      [
        { name: 'Me', address: 'reader@example.com' },
        [{ name: 'Zoë', address: 'zoe@example.com' }],
        [{ name: '', address: 'hidden@example.com' }],
        'Grüße X-Forged: 1',
        '2026-01-02T03:04:05.000Z',
        true,
      ],
    );
    assert.equal(String(message['text']).trim(), 'Hällo');
    assert.deepEqual(message['html'], ['<b>Hällo</b><img src="attachment:ATT00001">']);
    const source = (await client.ok('GET', `${path}/${uid}/message.eml`)).octets.toString('latin1');
    assert.ok(!/^(?:X-Forged|Content-Type: text\/evil|Bcc: evil)/im.test(source), source);
    assert.ok((await client.ok('GET', `${path}/${uid}/attachments/ATT00002`)).octets.equals(PICTURE));
    for (const bad of [
      { ...fields, raw: 'x' },
      { attachments: [{ path: '/etc/passwd', content: '' }] },
      { attachments: [{ href: 'http://127.0.0.1/', content: '' }] },
      { attachments: [{ content: { path: '/etc/passwd' } }] },
      { text: { path: '/etc/passwd' } },
      { html: { href: 'http://127.0.0.1/' } },
      { to: 'zoe@example.com' },
      { to: [{ address: ['x'] }] },
      { headers: [{ key: 'X:Y', value: 'z' }] },
      { subject: 'x'.repeat(2049) },
      { files: ['f'.repeat(24)], subject: 'x' },
    ]) {
      assert.deepEqual(
        refusal(await client.call('POST', path, bad)),
        [400, 'InputValidationError'],
        JSON.stringify(bad).slice(0, 60),
      );
    }
    const plain = await client.ok('POST', path, { subject: 'only', text: 'file:///etc/passwd' });
    const read = await client.ok('GET', `${path}/${(plain.body['message'] as { id: number }).id}`);
    assert.deepEqual(
      [read.body['from'], String(read.body['text']).trim()],
      [{ name: '', address: 'reader@example.com' }, 'file:///etc/passwd'],
    );
  });

  it('refuses to store past the quota', async () => {
    const poor = await api.newUser('poor');
    await api.root.ok('PUT', `/users/${poor.id}`, { quota: 100 });
    const answer = await poor.client.call(
      'POST',
      `/users/me/mailboxes/${poor.inbox}/messages`,
      Buffer.alloc(101, 'x'),
      'message/rfc822',
    );
    assert.deepEqual(refusal(answer), [400, 'OverQuotaError']);
    await poor.client.ok(
      'POST',
      `/users/me/mailboxes/${poor.inbox}/messages`,
      Buffer.alloc(100, 'x'),
      'message/rfc822',
    );
    assert.deepEqual((await poor.client.ok('GET', '/users/me')).body['limits'], { quota: { allowed: 100, used: 100 } });
  });
});
