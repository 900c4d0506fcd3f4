import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { User } from '../../lib/accounts/index.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { checkStore } from '../../workers/check-store.ts';
import { maintainJournals } from '../../workers/maintain-journals.ts';
import { rebuildFromMessages } from '../../workers/rebuild-from-messages.ts';
import { EVERY_ROW } from '../support/every-row.ts';
import { openStoreOnDisk, storeText, type OpenedStore } from '../support/opened-store.ts';

describe('an account whose journal is lost', () => {
  let opened: OpenedStore;
  before(async () => {
    opened = await openStoreOnDisk();
  });
  after(() => opened.close());

  const deliver = async ({ account }: User, text: string): Promise<void> => {
    const stored = await storeText(opened.store, account, text, { kind: 'delivery', recipient: 'x@example.com' });
    await opened.store.mailboxes.deliver(account, { ...stored, mailboxPath: 'INBOX' });
  };
  const damages = async (): Promise<string[]> => {
    const details: string[] = [];
    await checkStore(opened.store, ({ detail }) => details.push(detail));
    return details;
  };

  it('is made anew of its messages, and nothing else is touched', async () => {
    const make = (username: string): Promise<User> =>
      opened.store.accounts.create({ username, password: undefined, address: `${username}@example.com` });
    const [user, other] = [await make('lost'), await make('other')];
    for (const text of ['Subject: a\r\n\r\na', 'Subject: b\r\n\r\nb']) await deliver(user, text);
    await deliver(other, 'Subject: c\r\n\r\nc');
    await opened.store.mailboxes.fold(user.account);
    assert.deepEqual(await damages(), []);
    await assert.rejects(rebuildFromMessages(opened.store, user), { code: 'not-permitted' });

    for (const name of ['journal', 'checkpoints', 'segments']) {
      const rows = opened.store.database.collection(name);
      for (const { _id } of await rows.find(EVERY_ROW).toArray())
        if (
          Buffer.from((_id as unknown as { buffer: Uint8Array }).buffer)
            .toString('hex')
            .startsWith(user.account)
        )
          await rows.deleteOne({ _id });
    }
    await opened.reopen();
    assert.deepEqual(await damages(), ['the journal of the account is missing or closed']);
    assert.deepEqual(await rebuildFromMessages(opened.store, user), { messages: 2, mailbox: 'Recovered' });
    assert.deepEqual(await damages(), []);
    const infos = await opened.store.mailboxes.list(user.account);
    assert.deepEqual(
      infos.map(({ path, messages }) => [path, messages]),
      [['INBOX', 0], ['Drafts', 0], ['Junk', 0], ['Recovered', 2], ['Sent', 0], ['Trash', 0]], // prettier-ignore
    );
    await deliver(user, 'Subject: a\r\n\r\na');
    await deliver(user, 'Subject: d\r\n\r\nd');
    assert.equal((await opened.store.mailboxes.usage(user.account)).messages, 3);
    assert.deepEqual(await maintainJournals(opened.store.mailboxes, silentLogger), {
      accounts: 2,
      journalRecords: 0,
      straySegments: 0,
      closedAccounts: 0,
      failedAccounts: 0,
    });
    assert.deepEqual(await damages(), []);
  });
});
