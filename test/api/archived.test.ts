import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { ApiClient } from '../support/api-client.ts';
import { openApi, type ApiStack } from './api-stack.ts';

interface Archived {
  readonly id: string;
  readonly subject: string;
  readonly mailbox: string;
  readonly seen: boolean;
  readonly archived: string;
}

describe('messages that were removed', () => {
  let api: ApiStack;
  let client: ApiClient;
  let inbox: string;
  const before7 = new Date(Date.now() - 7 * 86_400_000).toISOString();
  const later = new Date(Date.now() + 86_400_000).toISOString();

  before(async () => {
    api = await openApi();
    ({ client, inbox } = await api.newUser('archivist'));
    for (let n = 1; n <= 5; n += 1) {
      const text = `From: a@example.org\r\nSubject: letter ${String(n)}\r\n\r\ntext\r\n`;
      await client.ok('POST', `/users/me/mailboxes/${inbox}/messages`, Buffer.from(text), 'message/rfc822');
      await client.ok('DELETE', `/users/me/mailboxes/${inbox}/messages/${String(n)}`);
    }
  });
  after(() => api.close());

  const list = async (query = ''): Promise<Record<string, unknown> & { readonly results: readonly Archived[] }> =>
    (await client.ok('GET', `/users/me/archived/messages${query}`)).body as never;

  it('are listed, those removed last first, page by page and back', async () => {
    const first = await list('?limit=2');
    assert.deepEqual(
      first.results.map(({ subject }) => subject),
      ['letter 5', 'letter 4'],
    );
    assert.equal(first['total'], 5);
    assert.equal(first['previousCursor'], false);
    assert.ok(first.results.every(({ archived, mailbox }) => mailbox === inbox && Date.parse(archived) > 0));
    const second = await list(`?limit=2&next=${String(first['nextCursor'])}`);
    assert.deepEqual(
      second.results.map(({ subject }) => subject),
      ['letter 3', 'letter 2'],
    );
    const back = await list(`?limit=2&previous=${String(second['previousCursor'])}`);
    assert.deepEqual(back.results, first.results);
    const last = await list(`?limit=2&next=${String(second['nextCursor'])}`);
    assert.equal(last.results.length, 1);
    assert.equal(last['nextCursor'], false);
  });

  it('come back one by one under a new number, and only once', async () => {
    const [newest] = (await list()).results;
    const { body } = await client.ok('POST', `/users/me/archived/messages/${String(newest?.id)}/restore`, {});
    assert.equal(body['mailbox'], inbox);
    assert.equal(body['id'], 6);
    const message = (await client.ok('GET', `/users/me/mailboxes/${inbox}/messages/6`)).body;
    assert.equal(message['subject'], 'letter 5');
    assert.equal((await list())['total'], 4);
    const again = await client.call('POST', `/users/me/archived/messages/${String(newest?.id)}/restore`, {});
    assert.equal(again.status, 404);
  });

  it('come back into another mailbox', async () => {
    const made = (await client.ok('POST', '/users/me/mailboxes', { path: 'Found' })).body;
    const [newest] = (await list()).results;
    const { body } = await client.ok('POST', `/users/me/archived/messages/${String(newest?.id)}/restore`, {
      mailbox: made['id'],
    });
    assert.equal(body['mailbox'], made['id']);
  });

  it('come back by the time they were removed, in the order they had', async () => {
    const none = await client.ok('POST', '/users/me/archived/restore', { start: before7, end: before7 });
    assert.equal(none.body['restored'], 0);
    const all = await client.ok('POST', '/users/me/archived/restore', { start: before7, end: later });
    assert.equal(all.body['restored'], 3);
    const { results } = (await client.ok('GET', `/users/me/mailboxes/${inbox}/messages?order=asc`)).body as {
      readonly results?: readonly Archived[];
    };
    assert.deepEqual([...(results ?? [])].map(({ subject }) => subject).sort(), [
      'letter 1',
      'letter 2',
      'letter 3',
      'letter 5',
    ]);
    assert.equal((await list())['total'], 0);
  });

  it('are nobody else’s', async () => {
    const { client: stranger } = await api.newUser('stranger');
    assert.equal(((await stranger.ok('GET', '/users/me/archived/messages')).body['results'] as unknown[]).length, 0);
    const foreign = await stranger.call('POST', `/users/me/archived/messages/${'a'.repeat(32)}/restore`, {});
    assert.equal(foreign.status, 404);
    const wrong = await client.call('POST', '/users/me/archived/restore', { start: later, end: before7 });
    assert.equal(wrong.status, 400);
    assert.equal((await client.call('POST', '/users/me/archived/messages/1/restore', {})).status, 400);
  });
});
