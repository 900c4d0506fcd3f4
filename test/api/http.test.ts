import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { routes } from '../../api/routes/routes.ts';
import { apiSection } from '../../api/index.ts';
import { createLogger } from '../../lib/kernel/logger.ts';
import { defaultsOf } from '../../lib/kernel/section.ts';
import { openApi, refusal, ROOT_TOKEN, type ApiStack } from './api-stack.ts';

const SOME_ID = 'e'.repeat(24);

/** Sends octets as they are and reads until the server closes or `until` came. */
async function raw(port: number, text: string, until?: RegExp): Promise<string> {
  const socket: Socket = connect(port, '127.0.0.1');
  socket.write(text);
  let answer = '';
  socket.setTimeout(5000, () => socket.destroy(new Error('no answer in time')));
  for await (const chunk of socket) {
    answer += String(chunk);
    if (until?.test(answer) === true) break;
  }
  socket.destroy();
  return answer;
}

const get = (path: string, ...headers: string[]): string =>
  [`GET ${path} HTTP/1.1`, `Authorization: Bearer ${ROOT_TOKEN}`, 'Connection: close', ...headers, '', ''].join('\r\n');

/** A route's path with something in the place of its parameters. */
function fill(path: string, values: Readonly<Record<string, string>>): string {
  return path.replaceAll(/:([a-z]+)/gi, (_, name: string) => values[name] ?? '1');
}

describe('http', () => {
  let api: ApiStack;
  const logged: string[] = [];
  before(async () => {
    api = await openApi({
      logger: createLogger('debug', (line) => logged.push(line)),
      settings: { ...defaultsOf(apiSection), maxMessage: 100_000, maxBody: 10_000 },
    });
  });
  after(() => api.close());

  describe('every route', () => {
    const values = {
      user: SOME_ID,
      mailbox: SOME_ID,
      archived: 'a'.repeat(32),
      attachment: 'ATT00001',
      username: 'x',
      address: 'x@example.com',
    };
    const body = (method: string): unknown => (method === 'GET' || method === 'DELETE' ? undefined : {});

    it('does nothing without a token, or with a bad one', async () => {
      for (const { method, path } of routes) {
        for (const token of ['', 'x', '0'.repeat(40), `${ROOT_TOKEN} x`, '__proto__']) {
          const answer = await api.as(token).call(method, fill(path, values), body(method));
          assert.deepEqual(refusal(answer), [403, 'InvalidToken'], `${method} ${path}`);
          assert.equal(typeof answer.body['message'], 'string');
        }
      }
    });

    it('knows no other account, whatever of it is named', async () => {
      const [mine, other] = [await api.newUser('mine'), await api.newUser('other')];
      await other.client.ok(
        'POST',
        `/users/me/mailboxes/${other.inbox}/messages`,
        Buffer.from('x: y\r\n\r\nz'),
        'message/rfc822',
      );
      let [users, mailboxes] = [0, 0];
      for (const { method, path, access } of routes.filter((route) => route.isAboutUser)) {
        const valid = {
          path: 'x',
          raw: 'x',
          seen: true,
          message: '1',
          address: 'new@example.com',
          name: 'x',
          start: 1,
          end: 2,
        };
        const known = Object.fromEntries(
          Object.entries(valid).filter(([key]) =>
            routes.some(
              (route) =>
                route.path === path &&
                route.method === method &&
                Object.hasOwn(route.input, key) &&
                !path.includes(`:${key}`),
            ),
          ),
        );
        const send = method === 'GET' || method === 'DELETE' ? undefined : known;
        const named = { ...values, mailbox: other.inbox };
        const asUser = await mine.client.call(method, fill(path, { ...named, user: other.id }), send);
        const isOurs = access.resource !== 'addresses' || access.action === 'read';
        assert.deepEqual(
          refusal(asUser),
          isOurs ? [404, 'UserNotFound'] : [403, 'MissingPrivileges'],
          `${method} ${path}`,
        );
        const nobody = await mine.client.call(method, fill(path, { ...named, user: SOME_ID }), send);
        assert.deepEqual(nobody.body, asUser.body, 'as if there were none');
        users += 1;
        if (!path.includes(':mailbox')) continue;
        for (const [client, user] of [
          [mine.client, 'me'],
          [api.root, mine.id],
        ] as const) {
          assert.deepEqual(
            refusal(await client.call(method, fill(path, { ...named, user }), send)),
            [404, 'NoSuchMailbox'],
            `${method} ${path}`,
          );
        }
        mailboxes += 1;
      }
      assert.ok(users > 15 && mailboxes > 10);
      const { body: left } = await other.client.ok('GET', `/users/me/mailboxes/${other.inbox}/messages`);
      assert.equal(left['total'], 1);
    });

    it('that is not about the asker is closed to users', async () => {
      const { client } = await api.newUser('nosy');
      for (const { method, path, access, isAboutUser } of routes) {
        if (isAboutUser || access.own === true || access.resource === 'health') continue;
        assert.deepEqual(
          refusal(await client.call(method, fill(path, values), body(method))),
          [403, 'MissingPrivileges'],
          `${method} ${path}`,
        );
      }
    });

    it('refuses ids that are none, and parameters that it does not know', async () => {
      const bad = { user: 'x', mailbox: 'x', message: 'x', attachment: 'x' };
      for (const { method, path } of routes.filter(
        (route) => route.path.includes(':user/') || route.path.endsWith(':user'),
      )) {
        assert.deepEqual(
          refusal(await api.root.call(method, fill(path, bad), body(method))),
          [400, 'InputValidationError'],
          `${method} ${path}`,
        );
      }
      for (const { method, path, ignoresUnknown } of routes) {
        if (ignoresUnknown === true) continue;
        const answer = await api.root.call(method, `${fill(path, values)}?nonsense=1`, body(method));
        assert.equal(answer.status, 400, `${method} ${path}`);
      }
    });
  });

  it('answers unknown paths and methods', async () => {
    assert.deepEqual(refusal(await api.root.call('GET', '/nowhere')), [404, 'ResourceNotFound']);
    assert.deepEqual(refusal(await api.root.call('GET', `/users/${'x'.repeat(5000)}`)), [404, 'ResourceNotFound']);
    const wrong = await api.root.call('PUT', '/health');
    assert.deepEqual([refusal(wrong), wrong.headers.get('allow')], [[405, 'MethodNotAllowed'], 'GET']);
    assert.deepEqual(refusal(await api.root.call('GET', '/users/%zz')), [404, 'ResourceNotFound']);
  });

  it('survives requests that no client would send', async () => {
    for (const text of [
      get('/health', 'Host: ['),
      get('/health', 'Host: a b', 'X: y'),
      get('//health', 'Host: x'),
      get('http://[/health', 'Host: x'),
      get('*', 'Host: x'),
      'OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
      'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n',
      get('/%', 'Host: x'),
      get('/health?%', 'Host: x'),
      get(`/health?${'a&'.repeat(5000)}`, 'Host: x'),
      get('/health', 'Host: x', `X: ${'y'.repeat(20_000)}`),
      get('/health', 'Host: x', 'Content-Length: x'),
      get('/health', 'Host: x', 'Transfer-Encoding: x'),
      'NONSENSE\r\n\r\n',
      '\0\0\0\0',
    ]) {
      const answer = await raw(api.port, text);
      assert.match(answer, /^HTTP\/1\.1 (?:200|400|404|431)|^$/, text.slice(0, 60));
      assert.ok(!/\bat \S+\.(?:ts|js):\d/.test(answer), 'no stack for strangers');
    }
    assert.equal((await api.root.ok('GET', '/health')).body['version'], '1.2.3');
  });

  it('passes over an upgrade that it does not know', async () => {
    const answer = await raw(api.port, get('/health', 'Host: x', 'Connection: Upgrade', 'Upgrade: h2c'));
    assert.match(answer, /^HTTP\/1\.1 200/);
  });

  it('says nothing of what it is made of', async () => {
    const { headers } = await api.root.ok('GET', '/health');
    assert.deepEqual([headers.get('server'), headers.get('x-powered-by')], [null, null]);
    assert.deepEqual([headers.get('x-content-type-options'), headers.get('cache-control')], ['nosniff', 'no-store']);
  });

  it('takes tokens from either header, and from the query only where that is configured', async () => {
    const url = `${api.url}/health`;
    assert.equal((await fetch(url, { headers: { 'X-Access-Token': ROOT_TOKEN } })).status, 200);
    assert.equal((await fetch(url, { headers: { Authorization: `bearer ${ROOT_TOKEN}` } })).status, 200);
    assert.equal((await fetch(`${url}?accessToken=${ROOT_TOKEN}`)).status, 403);
    const lax = await openApi({ settings: { ...defaultsOf(apiSection), tokenInQuery: true } });
    assert.equal((await fetch(`${lax.url}/health?accessToken=${ROOT_TOKEN}`)).status, 200);
    assert.equal((await fetch(`${lax.url}/health?accessToken=x&accessToken=${ROOT_TOKEN}`)).status, 403);
    await lax.close();
  });

  it('reads bodies that are JSON or forms, and nothing else', async () => {
    const post = (text: string | Buffer, type: string) => api.root.call('POST', '/users', Buffer.from(text), type);
    for (const [text, type] of [
      ['{', 'application/json'],
      ['[]', 'application/json'],
      ['null', 'application/json'],
      ['{"username":"x","password":"y","__proto__":{"isDisabled":false}}', 'application/json'],
      ['{"username":"x","password":"y","metaData":{"a":{"constructor":1}}}', 'application/json'],
      [`{"metaData":${'{"a":'.repeat(100)}1${'}'.repeat(100)}}`, 'application/json'],
      [Buffer.from('{"username":"\xff"}', 'latin1'), 'application/json'],
      ['username=x&username=y&password=z', 'application/x-www-form-urlencoded'],
      ['username[$ne]=x&password=z', 'application/x-www-form-urlencoded'],
      ['{"username":"x","password":"y"}', 'text/plain'],
      ['<user/>', 'application/xml'],
    ] as const) {
      assert.deepEqual(refusal(await post(text, type)), [400, 'InputValidationError'], String(text).slice(0, 60));
    }
    assert.equal(await api.rooms.accounts.findByUsername('x'), undefined);
  });

  it('takes no body that is compressed on its way, be it a message', async () => {
    const { client, inbox } = await api.newUser('packed');
    const upload = async (type: string, encoding: string): Promise<number> => {
      const response = await fetch(`${client.url}/users/me/mailboxes/${inbox}/messages`, {
        method: 'POST',
        headers: { 'X-Access-Token': client.token, 'Content-Type': type, 'Content-Encoding': encoding },
        body: type === 'application/json' ? '{"raw":"x: y"}' : 'x: y\r\n\r\nz',
      });
      await response.arrayBuffer();
      return response.status;
    };
    for (const type of ['message/rfc822', 'application/json']) {
      for (const encoding of ['gzip', 'GZIP', 'identity, br', 'x'])
        assert.equal(await upload(type, encoding), 400, type);
      for (const encoding of ['', 'Identity']) assert.equal(await upload(type, encoding), 200, type);
    }
    const { body } = await client.ok('GET', `/users/me/mailboxes/${inbox}/messages`);
    assert.equal(body['total'], 4);
  });

  it('refuses a body past its limit, announced or not', async () => {
    const sized = (octets: number): Buffer =>
      Buffer.from(`{"username":"${'x'.repeat(octets - 29)}","password":""}`.padEnd(octets));
    assert.deepEqual(refusal(await api.root.call('POST', '/users', sized(9999))), [400, 'InputValidationError']);
    assert.deepEqual(refusal(await api.root.call('POST', '/users', sized(10_000))), [400, 'InputValidationError']);
    assert.deepEqual(refusal(await api.root.call('POST', '/users', sized(10_001))), [413, 'MessageTooLarge']);
    const chunked = `POST /users HTTP/1.1\r\nHost: x\r\nX-Access-Token: ${ROOT_TOKEN}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const endless = await raw(api.port, `${chunked}2710\r\n${' '.repeat(10_000)}\r\n1\r\n \r\n`, /MessageTooLarge/);
    assert.match(endless, /^HTTP\/1\.1 413[\s\S]*Connection: close/);
  });

  it('refuses a message past its limit before it travels, or where it passes it', async () => {
    const { client, inbox } = await api.newUser('large');
    const path = `/users/me/mailboxes/${inbox}/messages`;
    for (const [octets, status] of [
      [99_999, 200],
      [100_000, 200],
      [100_001, 413],
    ] as const) {
      assert.equal(
        (await client.call('POST', path, Buffer.alloc(octets, 'x'), 'message/rfc822')).status,
        status,
        String(octets),
      );
    }
    const head = (...headers: string[]): string =>
      [
        `POST ${path} HTTP/1.1`,
        'Host: x',
        `X-Access-Token: ${client.token}`,
        'Content-Type: message/rfc822',
        ...headers,
        '',
        '',
      ].join('\r\n');
    const announced = await raw(api.port, head('Content-Length: 100001', 'Expect: 100-continue'));
    assert.match(announced, /^HTTP\/1\.1 413/);
    const invited = await raw(api.port, head('Content-Length: 3', 'Expect: 100-continue') + 'x\r\n', /"success"/);
    assert.match(invited, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200/);
    const chunk = `c350\r\n${'x'.repeat(50_000)}\r\n`;
    assert.match(
      await raw(api.port, `${head('Transfer-Encoding: chunked')}${chunk}${chunk}${chunk}`, /MessageTooLarge/),
      /^HTTP\/1\.1 413/,
    );
    assert.equal((await client.call('POST', path, { raw: 'x'.repeat(100_001) })).status, 413);
  });

  it('leaves nothing of an upload that breaks off', async () => {
    const { client, inbox } = await api.newUser('broken');
    const socket = connect(api.port, '127.0.0.1');
    socket.write(
      `POST /users/me/mailboxes/${inbox}/messages HTTP/1.1\r\nHost: x\r\nX-Access-Token: ${client.token}\r\nContent-Type: message/rfc822\r\nContent-Length: 1000\r\n\r\nFrom: half`,
    );
    await delay(50);
    socket.destroy();
    await delay(50);
    assert.equal((await client.ok('GET', `/users/me/mailboxes/${inbox}/messages`)).body['total'], 0);
  });

  it('logs no credential and no raw line', async () => {
    await api.root.call('POST', '/authenticate', { username: 'a\r\nb\u202ec', password: 'hunter-two-secret' });
    await api.root.call('GET', '/users/resolve/nobody%0d%0a?sess=x%0a');
    const all = logged.join('');
    assert.ok(logged.length > 100);
    assert.ok(!all.includes('hunter-two-secret') && !all.includes(ROOT_TOKEN));
    for (const line of logged) assert.doesNotThrow(() => JSON.parse(line) as unknown);
  });

  it('describes every route in OpenAPI 3.1', async () => {
    const { body } = await api.as('').ok('GET', '/openapi.json');
    assert.equal(body['openapi'], '3.1.0');
    const paths = body['paths'] as Record<
      string,
      Record<
        string,
        {
          operationId: string;
          responses: object;
          parameters: { name: string; in: string }[];
          requestBody?: {
            content: Record<string, { schema: { properties?: Record<string, object>; required?: string[] } }>;
          };
        }
      >
    >;
    const ids = new Set<string>();
    for (const { method, path } of routes) {
      const operation = paths[path.replaceAll(/:([a-z]+)/gi, '{$1}')]?.[method.toLowerCase()];
      assert.ok(operation, `${method} ${path}`);
      ids.add(operation.operationId);
      const named = [...path.matchAll(/:([a-z]+)/gi)].map(([, name]) => name);
      assert.deepEqual(
        operation.parameters
          .filter((parameter) => parameter.in === 'path')
          .map(({ name }) => name)
          .sort(),
        named.sort(),
      );
    }
    assert.equal(ids.size, routes.length);
    const create = paths['/users']?.['post']?.requestBody?.content['application/json']?.schema;
    assert.deepEqual(create?.required?.sort(), ['password', 'username']);
    assert.equal((create.properties?.['quota'] as { type: string }).type, 'integer');
    assert.ok(paths['/users/{user}/mailboxes/{mailbox}/messages']?.['post']?.requestBody?.content['message/rfc822']);
  });
});
