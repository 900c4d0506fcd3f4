import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openApi, refusal, type ApiStack } from './api-stack.ts';

const MESSAGE = [
  'Delivered-To: Rea.der+label@example.com',
  'Content-Type: application/pdf',
  "Content-Disposition: attachment; filename*=utf-8''a%0D%0AX-Evil:%20b%00.pdf",
  '',
  'x',
].join('\r\n');

describe('what existing clients send and lean on', () => {
  let api: ApiStack;
  before(async () => {
    api = await openApi();
  });
  after(() => api.close());

  it('an empty password of a new user is none, a missing one a mistake', async () => {
    const { root } = api;
    const { body } = await root.ok('POST', '/users', { username: 'nopassword', password: '' });
    assert.equal((await root.ok('GET', `/users/${String(body['id'])}`)).body['hasPasswordSet'], false);
    assert.deepEqual(refusal(await root.call('POST', '/users', { username: 'missing' })), [
      400,
      'InputValidationError',
    ]);
    assert.deepEqual(refusal(await root.call('POST', '/authenticate', { username: 'nopassword', password: '' })), [
      400,
      'InputValidationError',
    ]);
  });

  it('options that ask for nothing are taken, those that ask for what is not served are refused', async () => {
    const { root } = api;
    const { id, client, inbox } = await api.newUser('options');
    await root.ok('POST', '/users', {
      username: 'plain',
      password: 'x',
      spamLevel: 50,
      recipients: 0,
      retention: '0',
      encryptMessages: 'no',
      targets: [],
    });
    const { body } = await client.ok('POST', '/users/me/mailboxes', { path: 'A', hidden: false, retention: 0 });
    await client.ok('PUT', `/users/me/mailboxes/${String(body['id'])}`, { subscribed: false, encryptMessages: 'N' });
    await client.ok('POST', `/users/me/mailboxes/${inbox}/messages`, { raw: 'Subject: x\r\n\r\nx' });
    await client.ok('PUT', `/users/me/mailboxes/${inbox}/messages`, {
      message: 1,
      seen: true,
      updateThread: false,
      markHam: 0,
      expires: false,
    });
    for (const [method, path, wanted] of [
      ['POST', '/users', { username: 'more', password: 'x', encryptMessages: true }],
      ['PUT', `/users/${id}`, { recipients: 5 }],
      ['PUT', `/users/${id}`, { targets: ['a@example.com'] }],
      ['POST', `/users/${id}/mailboxes`, { path: 'B', hidden: true }],
      ['PUT', `/users/${id}/mailboxes/${inbox}/messages`, { message: 1, seen: true, markHam: true }],
    ] as const) {
      assert.deepEqual(refusal(await root.call(method, path, wanted)), [400, 'InputValidationError'], path);
    }
  });

  it('a mailbox that is renamed stays subscribed, and so do those below it', async () => {
    const { client } = await api.newUser('renamer');
    const { body } = await client.ok('POST', '/users/me/mailboxes', { path: 'Old' });
    await client.ok('POST', '/users/me/mailboxes', { path: 'Old/Below' });
    await client.ok('POST', '/users/me/mailboxes', { path: 'Older' });
    await client.ok('PUT', `/users/me/mailboxes/${String(body['id'])}`, { path: 'New' });
    const subscribedOf = async (): Promise<readonly unknown[]> => {
      const list = (await client.ok('GET', '/users/me/mailboxes')).body['results'] as Record<string, unknown>[];
      return list.filter(({ subscribed }) => subscribed === true).map(({ path }) => path);
    };
    assert.deepEqual(
      (await subscribedOf()).filter((path) => /^(?:New|Old)/.test(String(path))),
      ['New', 'New/Below', 'Older'],
    );
    await client.ok('POST', '/users/me/mailboxes', { path: 'Silent' });
    await client.ok('PUT', `/users/me/mailboxes/${String(body['id'])}`, { path: 'Last', subscribed: false });
    assert.ok(!(await subscribedOf()).includes('Last'));
    assert.ok((await subscribedOf()).includes('Last/Below'));
  });

  it("one's own address cannot be added again, but made the main one", async () => {
    const { root } = api;
    const { id } = await api.newUser('twice');
    await root.ok('POST', `/users/${id}/addresses`, { address: 'second@example.com' });
    for (const address of ['second@example.com', 'Sec.ond@Example.com', 'twice@example.com']) {
      const answer = await root.call('POST', `/users/${id}/addresses`, { address, name: 'Other' });
      assert.deepEqual(refusal(answer), [400, 'AddressExistsError'], address);
    }
    await root.ok('POST', `/users/${id}/addresses`, { address: 'second@example.com', main: true });
    assert.equal((await root.ok('GET', `/users/${id}`)).body['address'], 'second@example.com');
  });

  it('the formatted recipient has no label, names of attachments have no controls', async () => {
    const { client, inbox } = await api.newUser('reader');
    await client.ok('POST', `/users/me/mailboxes/${inbox}/messages`, { raw: MESSAGE });
    const { body } = await client.ok('GET', `/users/me/mailboxes/${inbox}/messages/1`);
    assert.deepEqual(body['envelope'], {
      from: '',
      rcpt: [{ value: 'Rea.der+label@example.com', formatted: 'reader@example.com' }],
    });
    const [attachment] = body['attachments'] as Record<string, unknown>[];
    assert.equal(attachment?.['filename'], 'a X-Evil: b .pdf');
    const download = await client.ok('GET', `/users/me/mailboxes/${inbox}/messages/1/attachments/ATT00001`);
    assert.equal(
      download.headers.get('content-disposition'),
      `attachment; filename="a X-Evil: b .pdf"; filename*=UTF-8''a%20X-Evil%3A%20b%20.pdf`,
    );
  });

  it('the description asks for nothing that has a default, and tells what tags are', async () => {
    const { body } = await api.as('').ok('GET', '/openapi.json');
    const paths = body['paths'] as Record<
      string,
      Record<string, { requestBody: { content: Record<string, unknown> } }>
    >;
    const schemaOf = (path: string): Record<string, Record<string, unknown>> => {
      const json = paths[path]?.['post']?.requestBody.content['application/json'] as {
        schema: { properties: Record<string, Record<string, unknown>> };
      };
      return json.schema.properties;
    };
    const upload = schemaOf('/users/{user}/mailboxes/{mailbox}/messages');
    assert.deepEqual(upload['from']?.['required'], ['address']);
    assert.equal(schemaOf('/users')['tags']?.['type'], 'array');
  });
});
