import assert from 'node:assert/strict';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createSelfSignedCertificate } from '../../lib/certificates/index.ts';
import { MailError } from '../../lib/kernel/errors.ts';
import { openApi, refusal, ROOT_TOKEN } from './api-stack.ts';

const SOME_ID = 'e'.repeat(24);

describe('http in trouble', () => {
  it('calls a broken back end temporary, and never "not there"', async () => {
    for (const error of [new MailError('unavailable', 'Storage is away'), new Error('ENOTFOUND in the inside')]) {
      const broken = (): Promise<never> => Promise.reject(error);
      const api = await openApi({
        accounts: { get: broken, list: broken, findByUsername: broken } as never,
        tokens: { verify: broken } as never,
      });
      for (const path of [
        `/users/${SOME_ID}`,
        '/users',
        '/users/resolve/x',
        `/users/${SOME_ID}/mailboxes/${SOME_ID}/messages/1`,
      ]) {
        const answer = await api.root.call('GET', path);
        assert.equal(answer.status, 503, path);
        assert.match(answer.headers.get('retry-after') ?? '', /^\d+$/);
        assert.ok(!answer.octets.includes('inside'));
      }
      assert.equal(
        (await api.as('0'.repeat(40)).call('GET', '/users')).status,
        503,
        'a token that cannot be looked up is not a bad one',
      );
      await api.close();
    }
  });

  it('breaks a download off where the store breaks, so that nobody takes the half for the whole', async () => {
    const { Readable } = await import('node:stream');
    const api = await openApi();
    const { client, inbox } = await api.newUser('download');
    await client.ok('POST', `/users/me/mailboxes/${inbox}/messages`, Buffer.alloc(50_000, 'x'), 'message/rfc822');
    const { messages } = api.rooms;
    const open = messages.open.bind(messages);
    messages.open = async (account, id) => {
      const content = await open(account, id);
      const half = async function* (): AsyncGenerator<Buffer> {
        yield await content.readRange(0, 25_000);
        throw new MailError('unavailable', 'Storage went away');
      };
      return new Proxy(content, {
        get: (target, key) => (key === 'range' ? () => Readable.from(half()) : (Reflect.get(target, key) as unknown)),
      });
    };
    await assert.rejects(client.call('GET', `/users/me/mailboxes/${inbox}/messages/1/message.eml`));
    await api.close();
  });

  it('finishes what is under way when it closes, and takes nothing new', async () => {
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    let entered = (): void => undefined;
    const inside = new Promise<void>((resolve) => (entered = resolve));
    const api = await openApi({
      addresses: {
        resolve: async () => {
          entered();
          await gate;
          return undefined;
        },
      } as never,
    });
    const slow = api.root.call('GET', '/addresses/resolve/x@example.com');
    await inside;
    const closing = api.close();
    await assert.rejects(fetch(`${api.url}/health`));
    release();
    assert.deepEqual(refusal(await slow), [404, 'AddressNotFound']);
    await closing;
  });

  it('cuts off at the deadline what does not finish', async () => {
    const api = await openApi();
    const socket = connect(api.port, '127.0.0.1');
    socket.write('POST /users HTTP/1.1\r\nHost: x\r\n');
    const gone = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => undefined).resume();
    await delay(20);
    await api.close();
    await gone;
  });

  it('serves HTTPS with TLS 1.2 or newer where it is given a certificate', async () => {
    const now = Date.now();
    const { certificate, privateKey } = createSelfSignedCertificate({
      names: ['localhost'],
      notBefore: now - 1000,
      notAfter: now + 3_600_000,
    });
    const api = await openApi({ tls: { cert: certificate, key: privateKey } });
    const status = await new Promise((resolve, reject) => {
      const options = {
        port: api.port,
        host: '127.0.0.1',
        path: '/health',
        servername: 'localhost',
        ca: certificate,
        headers: { 'X-Access-Token': ROOT_TOKEN },
        agent: false as const,
      };
      httpsRequest(options, (response) => {
        response.resume().once('end', () => resolve(response.statusCode));
      })
        .once('error', reject)
        .end();
    });
    assert.equal(status, 200);
    await api.close();
  });
});
