import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { ApiClient } from '../support/api-client.ts';
import { openApi, refusal, type ApiStack } from './api-stack.ts';

const NOWHERE = 'f'.repeat(24);
const PICTURE = randomBytes(3000);

const MESSAGE = [
  'Return-Path: <bounce@example.net>',
  'Delivered-To: Reader.One@example.com',
  'From: =?utf-8?Q?J=C3=BCrgen?= <juergen@xn--bcher-kva.example>',
  'To: Team: a@example.com, "B, C" <b@example.com>;, reader@example.com',
  'Cc: c@example.com',
  'Subject: =?utf-8?B?R3LDvMOfZQ==?= aus M',
  'Date: Fri, 20 Nov 2026 10:00:00 +0100',
  'Message-ID: <m1@example.com>',
  'References: <r1@example.com>',
  ' <r2@example.com>',
  'List-ID: "The list" <list.example.com>',
  'List-Unsubscribe: <mailto:off@example.com>, <https://example.com/off>',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary=outer',
  '',
  '--outer',
  'Content-Type: multipart/related; boundary=inner',
  '',
  '--inner',
  'Content-Type: text/html; charset=iso-8859-1',
  'Content-Transfer-Encoding: quoted-printable',
  '',
  '<p>Gr=FC=DFe</p><img src=3D"cid:pic@x"><script>alert(1)</script>',
  '--inner',
  'Content-Type: image/png',
  'Content-ID: <pic@x>',
  'Content-Transfer-Encoding: base64',
  '',
  PICTURE.toString('base64').replace(/.{76}/g, '$&\r\n'),
  '--inner--',
  '--outer',
  'Content-Type: text/x-notes; name="=?utf-8?Q?n=C3=B6te?= 1.txt"',
  'Content-Disposition: attachment; filename="evil\\"name.txt"',
  '',
  'notes',
  '--outer',
  'Content-Type: message/rfc822',
  '',
  'Subject: inside',
  '',
  'body of inside',
  '--outer--',
  '',
].join('\r\n');

describe('mailboxes and messages', () => {
  let api: ApiStack;
  let client: ApiClient;
  let id: string;
  let inbox: string;

  const upload = async (text: string | Buffer, query = '', mailbox = inbox): Promise<number> => {
    const { body } = await client.ok(
      'POST',
      `/users/me/mailboxes/${mailbox}/messages${query}`,
      Buffer.from(text),
      'message/rfc822',
    );
    return (body['message'] as { id: number }).id;
  };
  const simple = (subject: string): string =>
    `From: a@example.com\r\nTo: b@example.com\r\nSubject: ${subject}\r\n\r\n${subject}\r\n`;
  const list = async (query = '', mailbox = inbox): Promise<Readonly<Record<string, unknown>>> =>
    (await client.ok('GET', `/users/me/mailboxes/${mailbox}/messages?${query}`)).body;
  const subjects = (body: Readonly<Record<string, unknown>>): string =>
    (body['results'] as { subject: string }[]).map(({ subject }) => subject).join(' ');
  const newMailbox = async (path: string): Promise<string> =>
    String((await client.ok('POST', '/users/me/mailboxes', { path })).body['id']);

  before(async () => {
    api = await openApi();
    ({ client, id, inbox } = await api.newUser('reader'));
  });
  after(() => api.close());

  it('lists, makes, renames, subscribes and deletes mailboxes', async () => {
    const paths = async (query = ''): Promise<unknown> =>
      (
        (await client.ok('GET', `/users/me/mailboxes${query}`)).body['results'] as {
          path: string;
          specialUse: string | null;
        }[]
      ).map(({ path, specialUse }) => [path, specialUse]);
    assert.deepEqual(await paths('?specialUse=yes'), [
      ['Drafts', '\\Drafts'],
      ['Junk', '\\Junk'],
      ['Sent', '\\Sent'],
      ['Trash', '\\Trash'],
    ]);
    const child = await newMailbox('Zoo/Ape');
    await newMailbox('INBOX/Sub');
    assert.deepEqual(
      ((await paths()) as string[][]).map(([path]) => path),
      ['INBOX', 'INBOX/Sub', 'Drafts', 'Junk', 'Sent', 'Trash', 'Zoo/Ape', 'Zoo'],
    );
    const { body } = await client.ok('GET', `/users/me/mailboxes/${child}`);
    assert.deepEqual(
      [body['name'], body['path'], body['specialUse'], body['subscribed'], body['total'], body['unseen']],
      ['Ape', 'Zoo/Ape', null, true, 0, 0],
    );
    assert.equal((await client.ok('GET', '/users/me/mailboxes/resolve?path=Zoo%2FApe')).body['id'], child);
    await client.ok('PUT', `/users/me/mailboxes/${child}`, { path: 'Zoo/Gnu', subscribed: 'no' });
    const renamed = (await client.ok('GET', `/users/me/mailboxes/${child}`)).body;
    assert.deepEqual([renamed['path'], renamed['subscribed']], ['Zoo/Gnu', false]);
    assert.deepEqual(refusal(await client.call('POST', '/users/me/mailboxes', { path: 'Zoo/Gnu' })), [
      400,
      'MailboxExistsError',
    ]);
    for (const path of ['', '/', 'a//b', 'a/', ['x'], { $ne: '' }, 'x'.repeat(20_000)]) {
      assert.deepEqual(
        refusal(await client.call('POST', '/users/me/mailboxes', { path })),
        [400, 'InputValidationError'],
        JSON.stringify(path).slice(0, 20),
      );
    }
    assert.deepEqual(refusal(await client.call('PUT', `/users/me/mailboxes/${child}`, {})), [
      400,
      'InputValidationError',
    ]);
    assert.deepEqual(refusal(await client.call('PUT', `/users/me/mailboxes/${inbox}`, { path: 'x' })), [
      400,
      'DisallowedMailboxMethod',
    ]);
    assert.deepEqual(refusal(await client.call('DELETE', `/users/me/mailboxes/${inbox}`)), [
      400,
      'DisallowedMailboxMethod',
    ]);
    const sent = await api.root.mailboxId(id, 'Sent');
    assert.deepEqual(refusal(await client.call('DELETE', `/users/me/mailboxes/${sent}`)), [
      400,
      'DisallowedMailboxMethod',
    ]);
    await client.ok('DELETE', `/users/me/mailboxes/${child}`);
    assert.deepEqual(refusal(await client.call('GET', `/users/me/mailboxes/${child}`)), [404, 'NoSuchMailbox']);
    assert.deepEqual(refusal(await client.call('GET', '/users/me/mailboxes/resolve?path=nowhere')), [
      404,
      'NoSuchMailbox',
    ]);
    assert.deepEqual(refusal(await client.call('GET', '/users/me/mailboxes/resolve')), [400, 'InputValidationError']);
    assert.deepEqual(refusal(await client.call('GET', '/users/me/mailboxes/nonsense')), [400, 'InputValidationError']);
  });

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

  it('shows a message parsed', async () => {
    const mailbox = await newMailbox('parsed');
    const uid = await upload(MESSAGE, '?unseen=1', mailbox);
    const { body } = await client.ok('GET', `/users/me/mailboxes/${mailbox}/messages/${uid}`);
    const { thread, idate, html, text, attachments, ...rest } = body;
    assert.match(String(thread), /^[0-9a-f]{32}$/);
    assert.match(String(idate), /^\d{4}-.*Z$/);
    assert.deepEqual(rest, {
      success: true,
      id: uid,
      mailbox,
      user: id,
      envelope: {
        from: 'bounce@example.net',
        rcpt: [{ value: 'Reader.One@example.com', formatted: 'readerone@example.com' }],
      },
      from: { name: 'Jürgen', address: 'juergen@bücher.example' },
      to: [
        {
          name: 'Team',
          group: [
            { name: '', address: 'a@example.com' },
            { name: 'B, C', address: 'b@example.com' },
          ],
        },
        { name: '', address: 'reader@example.com' },
      ],
      cc: [{ name: '', address: 'c@example.com' }],
      subject: 'Grüße aus M',
      messageId: '<m1@example.com>',
      date: '2026-11-20T09:00:00.000Z',
      list: {
        id: { address: 'list.example.com', name: 'The list' },
        unsubscribe: [
          { address: 'mailto:off@example.com', name: '' },
          { address: 'https://example.com/off', name: '' },
        ],
      },
      size: Buffer.byteLength(MESSAGE),
      seen: false,
      deleted: false,
      flagged: false,
      draft: false,
      answered: false,
      forwarded: false,
      references: ['<r1@example.com>', '<r2@example.com>'],
      contentType: { value: 'multipart/mixed', params: { boundary: 'outer' } },
      metaData: {},
    });
    assert.deepEqual(html, ['<p>Grüße</p><img src="attachment:ATT00001"><script>alert(1)</script>']);
    assert.equal(String(text).trim(), 'Grüße');
    const shown = (attachments as Record<string, unknown>[]).map(
      ({ id: name, filename, contentType, disposition, cid, related, transferEncoding }) => [
        name,
        filename,
        contentType,
        disposition,
        cid,
        related,
        transferEncoding,
      ],
    );
    assert.match(String(shown[0]?.[1]), /^[0-9a-f]{8}\.png$/);
    assert.match(String(shown[2]?.[1]), /^[0-9a-f]{8}\.eml$/);
    assert.deepEqual(shown, [
      ['ATT00001', shown[0]?.[1], 'image/png', false, '<pic@x>', true, 'base64'],
      ['ATT00002', 'evil"name.txt', 'text/x-notes', 'attachment', null, false, '7bit'],
      ['ATT00003', shown[2]?.[1], 'message/rfc822', false, null, false, '7bit'],
    ]);
    const linked = (
      await client.ok('GET', `/users/me/mailboxes/${mailbox}/messages/${uid}?replaceCidLinks=true&markAsSeen=true`)
    ).body;
    assert.match(
      String((linked['html'] as string[])[0]),
      new RegExp(`src="/users/${id}/mailboxes/${mailbox}/messages/${uid}/attachments/ATT00001"`),
    );
    assert.equal(linked['seen'], true);
  });

  it('gives attachments decoded, for saving only', async () => {
    const mailbox = await newMailbox('attached');
    const uid = await upload(MESSAGE, '', mailbox);
    const path = `/users/me/mailboxes/${mailbox}/messages/${uid}/attachments`;
    const picture = await client.ok('GET', `${path}/ATT00001`);
    assert.ok(picture.octets.equals(PICTURE));
    assert.equal(picture.headers.get('content-type'), 'image/png');
    assert.match(picture.headers.get('content-security-policy') ?? '', /sandbox/);
    const notes = await client.ok('GET', `${path}/att00002`);
    assert.equal(notes.octets.toString(), 'notes');
    assert.equal(
      notes.headers.get('content-disposition'),
      `attachment; filename="evil_name.txt"; filename*=UTF-8''evil%22name.txt`,
    );
    assert.equal(
      (await client.ok('GET', `${path}/ATT00003`)).octets.toString(),
      'Subject: inside\r\n\r\nbody of inside',
    );
    assert.deepEqual(refusal(await client.call('GET', `${path}/ATT00004`)), [404, 'AttachmentNotFound']);
    assert.deepEqual(refusal(await client.call('GET', `${path}/1`)), [400, 'InputValidationError']);
  });

  it('lists messages by date in pages, whatever their numbers', async () => {
    const mailbox = await newMailbox('paged');
    for (const day of [3, 1, 5, 2, 4])
      await upload(simple(`s${day}`), `?date=2026-01-0${day}T00:00:00Z&unseen=${day > 3}`, mailbox);
    assert.equal(subjects(await list('', mailbox)), 's5 s4 s3 s2 s1');
    assert.equal(subjects(await list('order=asc', mailbox)), 's1 s2 s3 s4 s5');
    const unseen = await list('unseen=true', mailbox);
    assert.deepEqual([subjects(unseen), unseen['total']], ['s5 s4', 2]);
    const first = await list('limit=2', mailbox);
    assert.deepEqual(
      [first['total'], first['page'], first['previousCursor'], first['specialUse']],
      [5, 1, false, null],
    );
    const second = await list(`limit=2&next=${String(first['nextCursor'])}`, mailbox);
    const third = await list(`limit=2&next=${String(second['nextCursor'])}`, mailbox);
    assert.deepEqual(
      [subjects(second), subjects(third), third['page'], third['nextCursor']],
      ['s3 s2', 's1', 3, false],
    );
    const back = await list(`limit=2&previous=${String(third['previousCursor'])}`, mailbox);
    assert.deepEqual(
      [
        subjects(back),
        back['page'],
        subjects(await list(`limit=2&previous=${String(back['previousCursor'])}`, mailbox)),
      ],
      ['s3 s2', 2, 's5 s4'],
    );
    await upload(simple('new'), '', mailbox);
    assert.equal(
      subjects(await list(`limit=2&next=${String(first['nextCursor'])}`, mailbox)),
      's3 s2',
      'what comes in moves no page',
    );
    for (const other of [
      `/users/me/mailboxes/${inbox}/messages`,
      `/users/me/mailboxes/${mailbox}/messages?order=asc`,
    ]) {
      const glue = other.includes('?') ? '&' : '?';
      assert.deepEqual(refusal(await client.call('GET', `${other}${glue}next=${String(first['nextCursor'])}`)), [
        400,
        'InputValidationError',
      ]);
    }
    const [summary] = (await list('limit=1', mailbox))['results'] as Record<string, unknown>[];
    assert.deepEqual(
      [summary?.['from'], summary?.['to'], summary?.['intro'], summary?.['attachments'], summary?.['seen']],
      [{ name: '', address: 'a@example.com' }, [{ name: '', address: 'b@example.com' }], 'new', false, true],
    );
    const counted = (await client.ok('GET', '/users/me/mailboxes?counters=1&sizes=1')).body['results'] as Record<
      string,
      unknown
    >[];
    const paged = counted.find(({ path }) => path === 'paged');
    assert.deepEqual([paged?.['total'], paged?.['unseen']], [6, 2]);
    assert.ok(Number(paged?.['size']) > 100);
  });

  it('changes flags and moves by number, list and range', async () => {
    const [mailbox, target] = [await newMailbox('from'), await newMailbox('to')];
    for (const n of [1, 2, 3, 4, 5, 6]) await upload(simple(`m${n}`), '?unseen=1', mailbox);
    const path = `/users/me/mailboxes/${mailbox}/messages`;
    assert.deepEqual((await client.ok('PUT', `${path}/1`, { seen: true, flagged: true })).body, {
      success: true,
      updated: 1,
    });
    assert.deepEqual((await client.ok('PUT', `${path}/4:*`, { seen: true })).body, { success: true, updated: 3 });
    assert.deepEqual((await client.ok('PUT', path, { message: '1,3:2,9', deleted: 'y', flagged: 'n' })).body, {
      success: true,
      updated: 3,
    });
    assert.deepEqual((await client.ok('PUT', path, { message: 2, draft: true })).body, { success: true, updated: 1 });
    const flags = ((await list('order=asc', mailbox))['results'] as Record<string, boolean>[]).map((row) =>
      ['seen', 'flagged', 'deleted', 'draft'].filter((flag) => row[flag]).join(),
    );
    assert.deepEqual(flags, ['seen,deleted', 'deleted,draft', 'deleted', 'seen', 'seen', 'seen']);
    const moved = (await client.ok('PUT', `${path}/5,6,99`, { moveTo: target, flagged: true })).body;
    assert.deepEqual(moved, {
      success: true,
      mailbox: target,
      id: [
        [5, 1],
        [6, 2],
      ],
    });
    assert.equal(subjects(await list('order=asc', target)), 'm5 m6');
    assert.deepEqual(refusal(await client.call('PUT', `${path}/5`, { seen: true })), [404, 'MessageNotFound']);
    assert.deepEqual(refusal(await client.call('PUT', `${path}/1`, {})), [400, 'InputValidationError']);
    assert.deepEqual(refusal(await client.call('PUT', `${path}/1`, { seen: true, moveTo: NOWHERE })), [
      404,
      'NoSuchMailbox',
    ]);
    for (const numbers of ['0', 'x', '1:', '*', '1,,2', '4294967296', '-1', '1'.repeat(20_000)]) {
      assert.deepEqual(
        refusal(await client.call('PUT', path, { message: numbers, seen: true })),
        [400, 'InputValidationError'],
        numbers.slice(0, 20),
      );
    }
    for (const body of [
      { seen: true },
      { message: ['1'], seen: true },
      { message: { $gt: 0 }, seen: true },
      { message: '1', seen: 'perhaps' },
      { message: '1', moveTo: ['x'] },
    ]) {
      assert.deepEqual(
        refusal(await client.call('PUT', path, body)),
        [400, 'InputValidationError'],
        JSON.stringify(body),
      );
    }
  });

  it('deletes one message, then all', async () => {
    const mailbox = await newMailbox('doomed');
    for (const n of [1, 2, 3]) await upload(simple(`d${n}`), '', mailbox);
    const path = `/users/me/mailboxes/${mailbox}/messages`;
    assert.deepEqual((await client.ok('DELETE', `${path}/2`)).body, { success: true, deleted: 1, errors: 0 });
    assert.deepEqual(refusal(await client.call('DELETE', `${path}/2`)), [404, 'MessageNotFound']);
    assert.deepEqual(refusal(await client.call('GET', `${path}/2`)), [404, 'MessageNotFound']);
    assert.deepEqual((await client.ok('DELETE', path)).body, { success: true, deleted: 2, errors: 0 });
    assert.deepEqual((await client.ok('DELETE', path)).body, { success: true, deleted: 0, errors: 0 });
    assert.equal((await list('', mailbox))['total'], 0);
  });
});
