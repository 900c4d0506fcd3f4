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
import { maintainJournals } from '../../workers/maintain-journals.ts';
import { rebuildFromMessages } from '../../workers/rebuild-from-messages.ts';
import { EVERY_ROW } from '../support/every-row.ts';

async function* once(octets: Buffer): AsyncIterable<Buffer> {
  yield octets;
}

describe('an account whose journal is lost', () => {
  let dataDir = '';
  let lifecycle: Lifecycle;
  let store: Store;

  const open = async (): Promise<void> => {
    const { configuration } = await loadSettings({ dataDir });
    lifecycle = createLifecycle(silentLogger, systemClock);
    store = await openStore({ configuration, dataDir, logger: silentLogger, clock: systemClock, lifecycle });
  };
  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'eider-rebuild-'));
    await open();
  });
  after(async () => {
    await lifecycle.stop(5000);
    await rm(dataDir, { recursive: true, force: true });
  });

  const deliver = async ({ account }: User, text: string): Promise<void> => {
    const ingested = await store.messages.ingest(once(Buffer.from(text)), { maxOctets: 1000 });
    const stored = await store.messages.store(account, ingested, {
      origin: { kind: 'delivery', recipient: 'x@example.com' },
      prefix: Buffer.alloc(0),
      q: store.mailboxes.knownQ(account),
      now: systemClock.now(),
    });
    await ingested.dispose();
    const { messageId, size, crlfSize, sentAt: sentDate, thread } = stored;
    const internalDate = { at: systemClock.now(), zoneMinutes: 0 };
    const flags = { system: 0, keywords: [] };
    const message = { messageId, size, crlfSize, sentDate, thread, flags, internalDate };
    await store.mailboxes.deliver(account, { message, mailboxPath: 'INBOX', existedSinceQ: stored.existedSinceQ });
  };
  const damages = async (): Promise<string[]> => {
    const details: string[] = [];
    await checkStore(store, ({ detail }) => details.push(detail));
    return details;
  };

  it('is made anew of its messages, and nothing else is touched', async () => {
    const make = (username: string): Promise<User> =>
      store.accounts.create({ username, password: undefined, address: `${username}@example.com` });
    const [user, other] = [await make('lost'), await make('other')];
    for (const text of ['Subject: a\r\n\r\na', 'Subject: b\r\n\r\nb']) await deliver(user, text);
    await deliver(other, 'Subject: c\r\n\r\nc');
    await store.mailboxes.fold(user.account);
    assert.deepEqual(await damages(), []);
    await assert.rejects(rebuildFromMessages(store, user), { code: 'not-permitted' });

    for (const name of ['journal', 'checkpoints', 'segments']) {
      const rows = store.database.collection(name);
      for (const { _id } of await rows.find(EVERY_ROW).toArray())
        if (
          Buffer.from((_id as unknown as { buffer: Uint8Array }).buffer)
            .toString('hex')
            .startsWith(user.account)
        )
          await rows.deleteOne({ _id });
    }
    await lifecycle.stop(5000);
    await open();
    assert.deepEqual(await damages(), ['the journal of the account is missing or closed']);
    assert.deepEqual(await rebuildFromMessages(store, user), { messages: 2, mailbox: 'Recovered' });
    assert.deepEqual(await damages(), []);
    const infos = await store.mailboxes.list(user.account);
    assert.deepEqual(
      infos.map(({ path, messages }) => [path, messages]),
      [['INBOX', 0], ['Drafts', 0], ['Junk', 0], ['Recovered', 2], ['Sent', 0], ['Trash', 0]], // prettier-ignore
    );
    await deliver(user, 'Subject: a\r\n\r\na');
    await deliver(user, 'Subject: d\r\n\r\nd');
    assert.equal((await store.mailboxes.usage(user.account)).messages, 3);
    assert.deepEqual(await maintainJournals(store.mailboxes, silentLogger), {
      accounts: 2,
      journalRecords: 0,
      straySegments: 0,
      closedAccounts: 0,
      failedAccounts: 0,
    });
    assert.deepEqual(await damages(), []);
  });
});
