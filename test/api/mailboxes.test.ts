import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { refusal } from './api-stack.ts';
import { openMailUser, type MailUser } from './mail-user.ts';

describe('mailboxes', () => {
  let api: MailUser['api'];
  let client: MailUser['client'];
  let id: string;
  let inbox: string;
  let newMailbox: MailUser['newMailbox'];
  before(async () => {
    ({ api, client, id, inbox, newMailbox } = await openMailUser('reader'));
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
});
