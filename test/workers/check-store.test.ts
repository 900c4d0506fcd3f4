import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { User } from '../../lib/accounts/index.ts';
import { systemClock } from '../../lib/kernel/clock.ts';
import { createLifecycle, type Lifecycle } from '../../lib/kernel/lifecycle.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { checkStore } from '../../workers/check-store.ts';
import { openStore, type Store } from '../../workers/compose.ts';
import { loadSettings } from '../../workers/load-settings.ts';
import { EVERY_ROW } from '../support/every-row.ts';

type Id = string | { toHexString(): string } | { readonly buffer: Uint8Array };

/** Octets in hexadecimal; a text as it is. */
function keyOf(id: Id): string {
  if (typeof id === 'string') return id;
  return 'toHexString' in id ? id.toHexString() : Buffer.from(id.buffer).toString('hex');
}

async function* once(octets: Buffer): AsyncIterable<Buffer> {
  yield octets;
}

describe('fsck names what was taken out of the database', () => {
  let dataDir = '';
  let lifecycle: Lifecycle;
  let store: Store;

  const open = async (): Promise<void> => {
    const { configuration } = await loadSettings({ dataDir });
    lifecycle = createLifecycle(silentLogger, systemClock);
    store = await openStore({ configuration, dataDir, logger: silentLogger, clock: systemClock, lifecycle });
  };
  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'eider-check-'));
    await open();
  });
  after(async () => {
    await lifecycle.stop(5000);
    await rm(dataDir, { recursive: true, force: true });
  });

  /** A user whose journal has four records. */
  const makeUser = async (username: string): Promise<User> => {
    const user = await store.accounts.create({ username, password: undefined, address: `${username}@example.com` });
    for (const path of ['A', 'B', 'C']) await store.mailboxes.create(user.account, path);
    return user;
  };

  /** What fsck says after the rows of the account were taken out, and before; the rows are put back. */
  const withoutRows = async (
    collection: string,
    isTaken: (key: string) => boolean,
    check: (details: readonly string[]) => void,
  ): Promise<void> => {
    const rows = store.database.collection(collection);
    const all = (await rows.find(EVERY_ROW).toArray()) as unknown as { readonly _id: Id }[];
    const taken = all.filter(({ _id }) => isTaken(keyOf(_id)));
    assert.notEqual(taken.length, 0);
    for (const { _id } of taken) await rows.deleteOne({ _id: _id as never });
    // Another process, which knows nothing of what was there.
    await lifecycle.stop(5000);
    await open();
    const details: string[] = [];
    await checkStore(store, ({ mailbox, detail }) => details.push(mailbox === '' ? detail : `${mailbox}: ${detail}`));
    check(details);
    await store.database.collection(collection).insertMany(taken as never);
    await lifecycle.stop(5000);
    await open();
    const healed: string[] = [];
    await checkStore(store, ({ detail }) => healed.push(detail));
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
    await store.mailboxes.fold(user.account);
    await withoutRows('journal', isRecord(user, 4), (details) =>
      assert.deepEqual(details, ['record 4 of the journal is missing']),
    );
  });

  it('a segment', async () => {
    const user = await makeUser('segment');
    const ingested = await store.messages.ingest(once(Buffer.from('Subject: x\r\n\r\nx')), { maxOctets: 1000 });
    const [q, now] = [store.mailboxes.knownQ(user.account), systemClock.now()];
    const stored = await store.messages.store(user.account, ingested, {
      origin: { kind: 'append' },
      prefix: Buffer.alloc(0),
      q,
      now,
    });
    await ingested.dispose();
    const inbox = await store.mailboxes.find(user.account, 'INBOX');
    assert.ok(inbox);
    const { messageId, size, crlfSize, sentAt: sentDate, thread } = stored;
    const flags = { system: 0, keywords: [] };
    const internalDate = { at: now, zoneMinutes: 0 };
    await store.mailboxes.append(user.account, inbox.id, [
      { messageId, size, crlfSize, sentDate, thread, flags, internalDate },
    ]);
    await store.mailboxes.fold(user.account);
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
