import assert from 'node:assert/strict';
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import { describe, it } from 'node:test';
import { apiSection } from '../../api/index.ts';
import { defaultsOf } from '../../lib/kernel/section.ts';
import { openApi, refusal } from './api-stack.ts';

/** Says that 1000 octets of a message come, and sends one. */
function begin(port: number, path: string, token?: string): ClientRequest {
  const headers = {
    'Content-Type': 'message/rfc822',
    'Content-Length': '1000',
    ...(token !== undefined && { 'X-Access-Token': token }),
  };
  const begun = request({ port, host: '127.0.0.1', method: 'POST', path, headers, agent: false });
  begun.on('error', () => undefined).write('x');
  return begun;
}

const answerOf = async (begun: ClientRequest): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => begun.once('response', resolve).once('error', reject));

describe('requests beyond what the API does at once', () => {
  it('strangers who are refused take no place, however slowly they go', async () => {
    const api = await openApi({ settings: { ...defaultsOf(apiSection), maxRequests: 2 } });
    const strangers = [1, 2, 3].map(() => begin(api.port, '/users/me/mailboxes/x/messages'));
    const statuses: unknown[] = [];
    for (const stranger of strangers) statuses.push((await answerOf(stranger)).statusCode);
    assert.deepEqual(statuses, [403, 403, 403]);
    await api.root.ok('GET', '/users');
    for (const stranger of strangers) stranger.destroy();
    await api.close();
  });

  it('a user whose uploads do not end is told to come back, and nobody else is', async () => {
    const api = await openApi({ settings: { ...defaultsOf(apiSection), maxRequests: 10, maxUserRequests: 2 } });
    const slow = await api.newUser('slow');
    const other = await api.newUser('other');
    const { messages } = api.rooms;
    let reading = 0;
    let bothRead = (): void => undefined;
    const areRead = new Promise<void>((resolve) => (bothRead = resolve));
    const ingest = messages.ingest.bind(messages);
    messages.ingest = (source, options) => {
      reading += 1;
      if (reading === 2) bothRead();
      return ingest(source, options);
    };
    const path = `/users/me/mailboxes/${slow.inbox}/messages`;
    const uploads = [1, 2].map(() => begin(api.port, path, slow.token));
    await areRead;
    const refused = await slow.client.call('GET', '/users/me');
    assert.deepEqual(refusal(refused), [503, 'InternalDatabaseError']);
    assert.match(refused.headers.get('retry-after') ?? '', /^\d+$/);
    await other.client.ok('GET', '/users/me');
    await api.root.ok('GET', `/users/${slow.id}`);
    // One is broken off, the other one comes to its end.
    uploads[0]?.destroy();
    uploads[1]?.end(Buffer.alloc(999, 'x'));
    assert.equal((await answerOf(uploads[1] ?? assert.fail())).statusCode, 200);
    for (let tries = 0; tries < 100; tries += 1) if ((await slow.client.call('GET', '/users/me')).status === 200) break;
    for (let count = 0; count < 3; count += 1) await slow.client.ok('GET', '/users/me');
    await api.close();
  });
});
