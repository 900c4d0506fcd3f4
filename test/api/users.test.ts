import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openApi, refusal, type ApiStack } from './api-stack.ts';

const NOBODY = 'f'.repeat(24);

describe('users and addresses', () => {
  let api: ApiStack;
  before(async () => {
    api = await openApi();
  });
  after(() => api.close());

  it('makes a user and tells about it', async () => {
    const { root } = api;
    const id = await root.createUser('jane', 'secret', {
      name: 'Jane',
      quota: '5000000',
      tags: 'b,a',
      metaData: '{"a":{"$gt":1}}',
      internalData: { note: 'x' },
    });
    assert.match(id, /^[0-9a-f]{24}$/);
    const { body } = await root.ok('GET', `/users/${id}`);
    assert.deepEqual(body, {
      success: true,
      id,
      username: 'jane',
      name: 'Jane',
      address: 'jane@example.com',
      targets: [],
      enabled2fa: [],
      autoreply: false,
      encryptMessages: false,
      encryptForwarded: false,
      hasPasswordSet: true,
      activated: true,
      disabled: false,
      suspended: false,
      language: '',
      limits: { quota: { allowed: 5_000_000, used: 0 } },
      metaData: { a: { $gt: 1 } },
      keyInfo: false,
      tags: ['a', 'b'],
      internalData: { note: 'x' },
      disabledScopes: [],
    });
    assert.equal((await root.ok('GET', '/users/resolve/JANE')).body['id'], id);
    assert.deepEqual(refusal(await root.call('GET', '/users/resolve/nobody')), [404, 'UserNotFound']);
    assert.deepEqual(refusal(await root.call('POST', '/users', { username: 'jane', password: 'x' })), [
      400,
      'UserExistsError',
    ]);
    assert.deepEqual(
      refusal(await root.call('POST', '/users', { username: 'other', password: 'x', address: 'jane@example.com' })),
      [400, 'AddressExistsError'],
    );
  });

  it('takes parameters from body, form and query alike', async () => {
    const { root } = api;
    const form = await root.call(
      'POST',
      '/users',
      Buffer.from('username=form&password=x&emptyAddress=on'),
      'application/x-www-form-urlencoded',
    );
    assert.equal(form.status, 200);
    assert.equal((await root.ok('GET', `/users/${String(form.body['id'])}`)).body['address'], '');
    const query = await root.ok('POST', '/users?username=query&name=', {
      username: 'body',
      password: 'x',
      name: 'Body',
      sess: 's',
      ip: '192.0.2.1',
    });
    assert.deepEqual(
      [(await root.ok('GET', `/users/${String(query.body['id'])}`)).body].map(({ username, name }) => [username, name]),
      [['query', 'Body']],
    );
  });

  it('refuses bad input with the field that is wrong', async () => {
    const cases: readonly (readonly [unknown, string])[] = [
      [{ password: 'x' }, 'username'],
      [{ username: 'u', password: 'x', nonsense: 1 }, 'nonsense'],
      [{ username: ['u'], password: 'x' }, 'username'],
      [{ username: { $ne: '' }, password: 'x' }, 'username'],
      [{ username: 'u', password: { $gt: '' } }, 'password'],
      [{ username: 'u', password: 'x'.repeat(257) }, 'password'],
      [{ username: 'u u', password: 'x' }, 'username'],
      [{ username: 'u', password: 'x', address: 'a+b c' }, 'address'],
      [{ username: 'u', password: 'x', quota: -1 }, 'quota'],
      [{ username: 'u', password: 'x', quota: [5] }, 'quota'],
      [{ username: 'u', password: 'x', quota: '1e3' }, 'quota'],
      [{ username: 'u', password: 'x', tags: [{ $in: [] }] }, 'tags.0'],
      [{ username: 'u', password: 'x', emptyAddress: 'perhaps' }, 'emptyAddress'],
      [{ username: 'u', password: 'x', metaData: 'text' }, 'metaData'],
      [{ username: 'u', password: 'x', metaData: [] }, 'metaData'],
      [{ username: 'u', password: 'x', disabledScopes: ['nntp'] }, 'disabledScopes.0'],
    ];
    for (const [body, field] of cases) {
      const answer = await api.root.call('POST', '/users', body);
      assert.deepEqual(refusal(answer), [400, 'InputValidationError'], JSON.stringify(body));
      assert.ok(
        Object.hasOwn(answer.body['details'] as object, field),
        `${JSON.stringify(body)}: ${JSON.stringify(answer.body)}`,
      );
    }
  });

  it('changes a user, and ends what its old password opened', async () => {
    const { root, newUser, as } = api;
    const { id, client } = await newUser('changing');
    await root.ok('PUT', `/users/${id}`, { name: 'New', quota: 1000, disabledScopes: ['imap'] });
    assert.equal((await client.ok('GET', '/users/me')).body['name'], 'New');
    assert.deepEqual((await root.ok('GET', `/users/${id}`)).body['disabledScopes'], ['imap']);
    assert.deepEqual(refusal(await root.call('PUT', `/users/${id}`, {})), [400, 'InputValidationError']);
    assert.deepEqual(refusal(await client.call('PUT', '/users/me', { password: 'new' })), [
      400,
      'InputValidationError',
    ]);
    assert.deepEqual(refusal(await client.call('PUT', '/users/me', { password: 'new', existingPassword: 'wrong' })), [
      403,
      'AuthFailed',
    ]);
    assert.deepEqual(refusal(await client.call('PUT', '/users/me', { quota: 10 ** 12 })), [403, 'MissingPrivileges']);
    await client.ok('PUT', '/users/me', { password: 'new', existingPassword: 'secret' });
    assert.deepEqual(refusal(await client.call('GET', '/users/me')), [403, 'InvalidToken']);
    const { body } = await root.ok('POST', '/authenticate', { username: 'changing', password: 'new', token: 'yes' });
    await as(String(body['token'])).ok('GET', '/users/me');
  });

  it('keeps from a user what those who run the place note about it', async () => {
    const { client } = await api.newUser('noted');
    const { body } = await client.ok('GET', '/users/me');
    for (const key of ['internalData', 'tags', 'disabledScopes']) assert.ok(!Object.hasOwn(body, key), key);
  });

  it('removes a user with addresses and tokens', async () => {
    const { root, newUser } = api;
    const { id, client } = await newUser('leaving');
    await root.ok('POST', `/users/${id}/addresses`, { address: 'leaving2@example.com' });
    const { body } = await root.ok('DELETE', `/users/${id}`);
    assert.deepEqual(body, { success: true, code: 'TaskScheduled', user: id, addresses: { deleted: 2 } });
    assert.deepEqual(refusal(await root.call('DELETE', `/users/${id}`)), [404, 'UserNotFound']);
    assert.deepEqual(refusal(await root.call('GET', `/users/${id}/mailboxes`)), [404, 'UserNotFound']);
    assert.deepEqual(refusal(await client.call('GET', '/users/me')), [403, 'InvalidToken']);
    assert.deepEqual(refusal(await root.call('GET', '/addresses/resolve/leaving2@example.com')), [
      404,
      'AddressNotFound',
    ]);
  });

  it('lists users by pages that lead forth and back', async () => {
    const { root } = api;
    for (const n of [1, 2, 3, 4, 5]) await root.createUser(`listed${n}`, 'x');
    const page = async (query: string): Promise<Readonly<Record<string, unknown>>> =>
      (await root.ok('GET', `/users?query=listed&limit=2&whatever=1${query}`)).body;
    const names = (body: Readonly<Record<string, unknown>>): unknown =>
      (body['results'] as { username: string }[]).map(({ username }) => username.slice(-1)).join('');
    const first = await page('');
    assert.deepEqual([first['total'], first['page'], first['previousCursor'], first['query']], [5, 1, false, 'listed']);
    const second = await page(`&next=${String(first['nextCursor'])}`);
    const third = await page(`&next=${String(second['nextCursor'])}`);
    assert.deepEqual([third['page'], third['nextCursor']], [3, false]);
    assert.deepEqual([first, second, third].map(names).join('').split('').sort(), ['1', '2', '3', '4', '5']);
    const back = await page(`&previous=${String(third['previousCursor'])}`);
    assert.deepEqual([names(back), back['page']], [names(second), 2]);
    const start = await page(`&previous=${String(back['previousCursor'])}`);
    assert.deepEqual([names(start), start['page'], start['previousCursor']], [names(first), 1, false]);
    assert.match(String(first['nextCursor']), /^[A-Za-z0-9_-]{1,1024}$/);
    for (const cursor of [
      'x',
      '0'.repeat(1025),
      `${String(first['nextCursor']).slice(0, -1)}${String(first['nextCursor']).endsWith('A') ? 'B' : 'A'}`,
      String(second['previousCursor']),
    ]) {
      assert.deepEqual(
        refusal(await root.call('GET', `/users?query=listed&next=${cursor}`)),
        [400, 'InputValidationError'],
        cursor,
      );
    }
    // A NUL is text like any other: it is found nowhere, and is no trouble of the storage.
    for (const list of ['/users', '/addresses'])
      assert.equal((await root.ok('GET', `${list}?query=listed%00`)).body['total'], 0);
    assert.deepEqual(refusal(await root.call('GET', `/users?query=other&next=${String(first['nextCursor'])}`)), [
      400,
      'InputValidationError',
    ]);
    for (const limit of ['0', '251', 'x', '1.5'])
      assert.deepEqual(refusal(await root.call('GET', `/users?limit=${limit}`)), [400, 'InputValidationError'], limit);
  });

  it('makes, lists, resolves and removes addresses', async () => {
    const { root, newUser } = api;
    const { id, client } = await newUser('owner');
    const created = await root.ok('POST', `/users/${id}/addresses`, {
      address: 'Second.One@Example.com',
      name: 'Two',
      tags: ['x'],
      metaData: { k: 1 },
    });
    const second = String(created.body['id']);
    const { body } = await client.ok('GET', '/users/me/addresses?metaData=1');
    assert.deepEqual(
      (body['results'] as Record<string, unknown>[]).map(({ address, main, metaData }) => [address, main, metaData]),
      [
        ['owner@example.com', true, {}],
        ['Second.One@Example.com', false, { k: 1 }],
      ],
    );
    assert.equal((await root.ok('GET', `/users/${id}/addresses/${second}`)).body['name'], 'Two');
    assert.equal((await root.ok('GET', '/addresses/resolve/secondone+label@example.com')).body['user'], id);
    assert.equal((await root.ok('GET', `/addresses/resolve/${second}`)).body['user'], id);
    assert.deepEqual(refusal(await root.call('GET', '/addresses/resolve/nobody@example.com')), [
      404,
      'AddressNotFound',
    ]);
    assert.deepEqual(refusal(await root.call('GET', '/addresses/resolve/nonsense')), [400, 'InputValidationError']);
    assert.deepEqual(refusal(await root.call('POST', `/users/${id}/addresses`, { address: 'a+b@example.com' })), [
      400,
      'InputValidationError',
    ]);
    assert.deepEqual(
      refusal(await root.call('POST', `/users/${id}/addresses`, { address: '*@example.com', allowWildcard: true })),
      [400, 'InputValidationError'],
    );
    assert.deepEqual(refusal(await root.call('POST', `/users/${NOBODY}/addresses`, { address: 'x@example.com' })), [
      404,
      'UserNotFound',
    ]);
    assert.deepEqual(refusal(await root.call('DELETE', `/users/${id}/addresses/owner@example.com`)), [
      400,
      'NotPermitted',
    ]);
    const listed = (await root.ok('GET', '/addresses?query=second.one&limit=1')).body;
    assert.deepEqual([listed['total'], (listed['results'] as { user: string }[])[0]?.user], [1, id]);
    const other = await newUser('stranger');
    for (const address of ['second.one@example.com', second]) {
      assert.deepEqual(refusal(await root.call('GET', `/users/${other.id}/addresses/${address}`)), [
        404,
        'AddressNotFound',
      ]);
      assert.deepEqual(refusal(await root.call('DELETE', `/users/${other.id}/addresses/${address}`)), [
        404,
        'AddressNotFound',
      ]);
    }
    await root.ok('DELETE', `/users/${id}/addresses/${second}`);
    assert.deepEqual(refusal(await root.call('GET', `/users/${id}/addresses/${second}`)), [404, 'AddressNotFound']);
    assert.deepEqual(refusal(await client.call('POST', '/users/me/addresses', { address: 'mine@example.com' })), [
      403,
      'MissingPrivileges',
    ]);
  });

  it('takes a long address in a path', async () => {
    const { id } = await api.newUser('long');
    const address = `${'l'.repeat(64)}@${`${'d'.repeat(60)}.`.repeat(3)}example`;
    await api.root.ok('POST', `/users/${id}/addresses`, { address });
    assert.equal((await api.root.ok('GET', `/addresses/resolve/${encodeURIComponent(address)}`)).body['user'], id);
  });

  it('authenticates with a password, and slows down who guesses', async () => {
    const { root, newUser } = api;
    const { id } = await newUser('guessed');
    const login = (password: unknown, more: object = {}) =>
      root.call('POST', '/authenticate', { username: 'guessed@example.com', password, ip: '203.0.113.7', ...more });
    assert.deepEqual((await login('secret', { scope: 'imap' })).body, {
      success: true,
      id,
      username: 'guessed',
      address: 'guessed@example.com',
      scope: 'imap',
      require2fa: false,
      require2faEnabled: false,
      requirePasswordChange: false,
    });
    assert.deepEqual(refusal(await login('secret', { scope: 'imap', token: true })), [400, 'InputValidationError']);
    assert.deepEqual(refusal(await login({ $ne: '' })), [400, 'InputValidationError']);
    for (let n = 0; n < 12; n += 1)
      assert.deepEqual(refusal(await login(`wrong ${n}`, { ip: '203.0.113.8' })), [403, 'AuthFailed']);
    const limited = await login('secret', { ip: '203.0.113.8' });
    assert.deepEqual(refusal(limited), [403, 'RateLimitedError']);
    assert.match(limited.headers.get('retry-after') ?? '', /^(?:9|10)$/);
    assert.equal((await login('secret')).status, 200);
    const unknown = await root.call('POST', '/authenticate', { username: 'nobody', password: 'x' });
    const wrong = await root.call('POST', '/authenticate', { username: 'guessed', password: 'x' });
    assert.deepEqual(unknown.body, wrong.body);
    assert.deepEqual(refusal(unknown), [403, 'AuthFailed']);
    assert.equal((await root.ok('POST', '/preauth', { username: 'guessed' })).body['id'], id);
    assert.deepEqual(refusal(await root.call('POST', '/preauth', { username: 'nobody' })), [403, 'AuthFailed']);
  });

  it('tells whose a token is, and makes it void', async () => {
    const { client, id } = await api.newUser('token');
    assert.deepEqual((await client.ok('GET', '/authenticated')).body, {
      success: true,
      role: 'user',
      user: id,
      username: 'token',
    });
    assert.deepEqual((await api.root.ok('GET', '/authenticated')).body, { success: true, role: 'root' });
    assert.deepEqual(refusal(await api.root.call('DELETE', '/authenticate')), [400, 'NotPermitted']);
    await client.ok('DELETE', '/authenticate');
    assert.deepEqual(refusal(await client.call('GET', '/authenticated')), [403, 'InvalidToken']);
  });
});
