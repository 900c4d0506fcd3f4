import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { User } from '../../lib/accounts/index.ts';
import { checkStore } from '../../workers/check-store.ts';
import { EVERY_ROW } from '../support/every-row.ts';
import { openStoreOnDisk, storeText, type OpenedStore } from '../support/opened-store.ts';

type Id = string | { toHexString(): string } | { readonly buffer: Uint8Array };

/** Octets in hexadecimal; a text as it is. */
function keyOf(id: Id): string {
  if (typeof id === 'string') return id;
  return 'toHexString' in id ? id.toHexString() : Buffer.from(id.buffer).toString('hex');
}

describe('fsck names what was taken out of the database', () => {
  let opened: OpenedStore;
  before(async () => {
    opened = await openStoreOnDisk();
  });
  after(() => opened.close());

  /** A user whose journal has four records. */
  const makeUser = async (username: string): Promise<User> => {
    const user = await opened.store.accounts.create({
      username,
      password: undefined,
      address: `${username}@example.com`,
    });
    for (const path of ['A', 'B', 'C']) await opened.store.mailboxes.create(user.account, path);
    return user;
  };

  /** What fsck says after the rows of the account were taken out, and before; the rows are put back. */
  const withoutRows = async (
    collection: string,
    isTaken: (key: string) => boolean,
    check: (details: readonly string[]) => void,
  ): Promise<void> => {
    const rows = opened.store.database.collection(collection);
    const all = (await rows.find(EVERY_ROW).toArray()) as unknown as { readonly _id: Id }[];
    const taken = all.filter(({ _id }) => isTaken(keyOf(_id)));
    assert.notEqual(taken.length, 0);
    for (const { _id } of taken) await rows.deleteOne({ _id: _id as never });
    // Another process, which knows nothing of what was there.
    await opened.reopen();
    const details: string[] = [];
    await checkStore(opened.store, ({ mailbox, detail }) =>
      details.push(mailbox === '' ? detail : `${mailbox}: ${detail}`),
    );
    check(details);
    await opened.store.database.collection(collection).insertMany(taken as never);
    await opened.reopen();
    const healed: string[] = [];
    await checkStore(opened.store, ({ detail }) => healed.push(detail));
    assert.deepEqual(healed, []);
  };
  const isRecord =
    (user: User, ...numbers: readonly number[]) =>
    (key: string): boolean =>
      key.startsWith(user.account) && numbers.includes(Number.parseInt(key.slice(24), 16));

  it('a record in the middle of a journal, and several', async () => {
    const user = await makeUser('gap');
    await withoutRows('journal', isRecord(user, 2), (details) =>
      assert.ok(details.includes('record 2 of the journal is missing'), details.join()),
    );
    await withoutRows('journal', isRecord(user, 2, 3), (details) =>
      assert.ok(details.includes('records 2 to 3 of the journal are missing'), details.join()),
    );
  });

  it('the last record, where a checkpoint knows of it', async () => {
    const user = await makeUser('tail');
    await opened.store.mailboxes.fold(user.account);
    await withoutRows('journal', isRecord(user, 4), (details) =>
      assert.deepEqual(details, ['record 4 of the journal is missing']),
    );
  });

  it('a segment', async () => {
    const user = await makeUser('segment');
    const { message } = await storeText(opened.store, user.account, 'Subject: x\r\n\r\nx');
    const inbox = await opened.store.mailboxes.find(user.account, 'INBOX');
    assert.ok(inbox);
    await opened.store.mailboxes.append(user.account, inbox.id, [message]);
    await opened.store.mailboxes.fold(user.account);
    await withoutRows(
      'segments',
      (key) => key.startsWith(user.account),
      (details) =>
        // Whoever opens the mailbox has the journal make it again.
        assert.deepEqual(details, ['the segment of mailbox INBOX that holds UIDs 1 to 1 is missing']),
    );
  });

  it('a user name, and a user', async () => {
    const user = await makeUser('named');
    await withoutRows(
      'usernames',
      (key) => key === 'named',
      (details) => assert.deepEqual(details, ['the user name leads to nobody']),
    );
    await withoutRows(
      'users',
      (key) => key === user.id,
      (details) => assert.deepEqual(details, ['the address named@example.com leads to a user who is not there']),
    );
  });
});
