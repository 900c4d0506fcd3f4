import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { User } from '../../lib/accounts/index.ts';
import { createDelivery, deliverySection, type DeliveryOutcome } from '../../lib/delivery/index.ts';
import { MailError } from '../../lib/kernel/errors.ts';
import type { AccountId } from '../../lib/kernel/ids.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { defaultsOf } from '../../lib/kernel/section.ts';
import type { MessageRow } from '../../lib/journal/index.ts';
import { openStore, type Store } from '../frontends/store.ts';

/** `uid` of what was delivered, the code of what failed. */
function summary(outcomes: readonly DeliveryOutcome[]): readonly (number | string)[] {
  return outcomes.map((outcome) => (outcome.kind === 'delivered' ? outcome.uid : outcome.error.code));
}

const READS: ReadonlySet<string> = new Set(['find', 'getMore', 'aggregate', 'count', 'distinct']);
const WRITES: ReadonlySet<string> = new Set(['insert', 'update', 'delete', 'findAndModify']);

describe('delivery', () => {
  let store: Store;
  let users = 0;
  const seen: string[] = [];

  before(async () => {
    store = await openStore({ monitorCommands: true });
    store.rooms.database.client.on('commandStarted', ({ commandName }) => {
      if (READS.has(commandName) || WRITES.has(commandName)) seen.push(commandName);
    });
  });
  after(() => store.close());

  async function createUser(quotaOctets?: number): Promise<User> {
    users += 1;
    return store.createUser(`user${String(users)}`, quotaOctets);
  }

  async function inbox(account: AccountId): Promise<readonly MessageRow[]> {
    const { mailboxes } = store.rooms;
    const info = await mailboxes.find(account, 'INBOX');
    assert.ok(info);
    const opened = await mailboxes.open(account, info.id, { isReadOnly: true });
    const rows = [...opened.rows([{ from: 1, to: 0xffffffff }])];
    opened.close();
    return rows;
  }

  async function octetsOf(account: AccountId, row: MessageRow | undefined): Promise<Buffer> {
    assert.ok(row);
    const content = await store.rooms.messages.open(account, row.messageId);
    return content.readRange(0, content.size);
  }

  it('puts three trace fields before the octets', async () => {
    const user = await createUser();
    const message = Buffer.from('Subject: x\n\n\0 \xff\r lone and bare\n', 'latin1');
    assert.deepEqual(summary(await store.deliver(message, user.address)), [1]);
    const [row, ...more] = await inbox(user.account);
    assert.deepEqual(more, []);
    const octets = await octetsOf(user.account, row);
    assert.deepEqual(octets.subarray(-message.length), message);
    const trace = octets.subarray(0, -message.length).toString('latin1');
    assert.ok(
      trace.startsWith(
        `Return-Path: <sender@example.org>\r\nDelivered-To: ${user.address}\r\n` +
          `Received: from client.example ([127.0.0.1])\r\n\tby mail.example.com with LMTP id test\r\n\tfor <${user.address}>; `,
      ),
      trace,
    );
    assert.equal(row?.size, octets.length);
    assert.deepEqual(row.flags, { system: 0, keywords: [] });
  });

  it('answers a retry with the UID of the first', async () => {
    const user = await createUser();
    const message = Buffer.from('Subject: once\r\n\r\n');
    assert.deepEqual(summary(await store.deliver(message, user.address)), [1]);
    assert.deepEqual(summary(await store.deliver(Buffer.from('Subject: other\r\n\r\n'), user.address)), [2]);
    const again = await store.deliver(message, user.address.toUpperCase());
    assert.deepEqual(summary(again), [1]);
    assert.equal(again[0]?.kind === 'delivered' && again[0].isRepeat, true);
    assert.equal((await inbox(user.account)).length, 2);
  });

  it('stores one message of 20 parallel deliveries of the same octets', async () => {
    const user = await createUser();
    const message = Buffer.from('Subject: parallel\r\n\r\n');
    const all = await Promise.all(Array.from({ length: 20 }, () => store.deliver(message, user.address)));
    assert.deepEqual(
      all.map(summary),
      Array.from({ length: 20 }, () => [1]),
    );
    assert.equal((await inbox(user.account)).length, 1);
  });

  it('stores the same octets for two addresses of an account twice', async () => {
    const user = await createUser();
    await store.rooms.addresses.create(user.id, `alias-${user.username}@example.com`);
    const message = Buffer.from('Subject: twice\r\n\r\n');
    const addresses = [user.address, `alias-${user.username}@example.com`];
    assert.deepEqual([...summary(await store.deliver(message, ...addresses))].sort(), [1, 2]);
    assert.deepEqual([...summary(await store.deliver(message, ...addresses))].sort(), [1, 2]);
    const rows = await inbox(user.account);
    assert.equal(rows.length, 2);
    const delivered = await Promise.all(
      rows.map(async (row) => (await octetsOf(user.account, row)).toString('latin1')),
    );
    assert.deepEqual(
      delivered.map((octets) => /^Delivered-To: (.*)\r$/m.exec(octets)?.[1]).sort(),
      [...addresses].sort(),
    );
  });

  it('takes subaddresses for addresses of their own, and spellings of one address for the same', async () => {
    const user = await createUser();
    const message = Buffer.from('Subject: labels\r\n\r\n');
    const [local = '', domain = ''] = user.address.split('@');
    const recipients = [
      user.address,
      `${local}+shop@${domain}`,
      `${local}+SHOP@${domain.toUpperCase()}`,
      user.address.toUpperCase(),
      `${local}+news@${domain}`,
      `"${local}"@${domain}`,
    ];
    const uids = summary(await store.deliver(message, ...recipients));
    assert.equal(uids[1], uids[2]);
    assert.equal(uids[0], uids[3]);
    assert.equal(uids[0], uids[5]);
    assert.deepEqual([...new Set(uids)].sort(), [1, 2, 3]);
    assert.equal((await inbox(user.account)).length, 3);
  });

  it('tells each recipient apart when some fail', async () => {
    const user = await createUser();
    const full = await createUser(100);
    const other = await createUser();
    const message = Buffer.from(`Subject: some\r\n\r\n${'x'.repeat(200)}\r\n`);
    const outcomes = await store.deliver(message, user.address, full.address, other.address, user.address);
    assert.deepEqual(summary(outcomes), [1, 'over-quota', 1, 1]);
    assert.deepEqual(
      outcomes.map(({ recipient }) => recipient.address),
      [user.address, full.address, other.address, user.address],
    );
    assert.equal((await inbox(full.account)).length, 0);
  });

  it('delivers to a thousand recipients', async () => {
    const user = await createUser();
    const [local = '', domain = ''] = user.address.split('@');
    const recipients = Array.from({ length: 1000 }, (_value, index) => `${local}+${String(index % 50)}@${domain}`);
    const uids = summary(await store.deliver(Buffer.from('Subject: many\r\n\r\n'), ...recipients));
    assert.equal(uids.length, 1000);
    for (const [index, uid] of uids.entries()) assert.equal(uid, uids[index % 50]);
    assert.equal((await inbox(user.account)).length, 50);
  });

  it('costs two writes and no read where the account is warm', async () => {
    const user = await createUser();
    await store.deliver(Buffer.from('Subject: warming\r\n\r\n'), user.address);
    for (let n = 0; n < 5; n += 1) {
      seen.length = 0;
      await store.deliver(Buffer.from(`Subject: counted ${String(n)}\r\n\r\n`), user.address);
      assert.deepEqual(seen, ['insert', 'insert']);
    }
  });

  describe('recipients', () => {
    const codeOf = (error: unknown): string => (error instanceof MailError ? error.code : String(error));

    it('are refused where nobody is', async () => {
      for (const address of ['nobody@example.com', 'nobody', '', 'a@b@c', '@', `${'x'.repeat(2000)}@example.com`]) {
        await assert.rejects(store.delivery.resolveRecipient(address), (error) => {
          assert.equal(codeOf(error), 'address-not-found', address);
          return true;
        });
      }
    });

    it('are refused where the account is disabled, but not where only log-in is', async () => {
      const user = await createUser();
      await store.rooms.accounts.update(user.id, { isSuspended: true });
      assert.equal((await store.delivery.resolveRecipient(user.address)).user, user.id);
      await store.rooms.accounts.update(user.id, { isDisabled: true });
      await assert.rejects(
        store.delivery.resolveRecipient(user.address),
        (error) => codeOf(error) === 'account-disabled',
      );
    });

    it('are not called unknown when storage is away', async () => {
      const { accounts, mailboxes, messages, clock } = store.rooms;
      const away = async (): Promise<never> => {
        throw new MailError('unavailable', 'away');
      };
      const delivery = createDelivery({
        ...{ accounts, mailboxes, messages, clock },
        addresses: { resolve: away },
        logger: silentLogger,
        settings: defaultsOf(deliverySection),
        hostname: 'mail.example.com',
      });
      await assert.rejects(delivery.resolveRecipient('user@example.com'), (error) => codeOf(error) === 'unavailable');
    });

    it('removed since they were resolved get no mail', async () => {
      const user = await createUser();
      const recipient = await store.delivery.resolveRecipient(user.address);
      await store.rooms.accounts.remove(user.id);
      const ingested = await store.rooms.messages.ingest(oneChunk('Subject: late\r\n\r\n'), { maxOctets: 1000 });
      const outcomes = await store.delivery.deliver(ingested, {
        ...{ reversePath: '', helo: '', remoteAddress: '', protocol: 'LMTP', id: 'late' },
        recipients: [recipient],
      });
      await ingested.dispose();
      assert.deepEqual(summary(outcomes), ['user-not-found']);
    });

    it('whose account is being restored get it later', async () => {
      const user = await createUser();
      const recipient = await store.delivery.resolveRecipient(user.address);
      await store.rooms.mailboxes.closeAccount(user.account);
      const ingested = await store.rooms.messages.ingest(oneChunk('Subject: later\r\n\r\n'), { maxOctets: 1000 });
      const outcomes = await store.delivery.deliver(ingested, {
        ...{ reversePath: '', helo: '', remoteAddress: '', protocol: 'LMTP', id: 'later' },
        recipients: [recipient],
      });
      await ingested.dispose();
      assert.deepEqual(summary(outcomes), ['unavailable']);
    });
  });
});

async function* oneChunk(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text, 'latin1');
}
