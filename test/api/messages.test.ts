import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { refusal } from './api-stack.ts';
import { MESSAGE, openMailUser, PICTURE, simple, subjects, type MailUser } from './mail-user.ts';

const NOWHERE = 'f'.repeat(24);

describe('messages', () => {
  let api: MailUser['api'];
  let client: MailUser['client'];
  let id: string;
  let inbox: string;
  let upload: MailUser['upload'];
  let list: MailUser['list'];
  let newMailbox: MailUser['newMailbox'];
  before(async () => {
    ({ api, client, id, inbox, upload, list, newMailbox } = await openMailUser('reader'));
  });
  after(() => api.close());

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
