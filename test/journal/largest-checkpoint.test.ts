import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MailError } from '../../lib/kernel/errors.ts';
import { createAccount, EVERYTHING, newMessage, openMailbox, useDatabase } from './journal-node.ts';

const setup = useDatabase();

/** Of ten levels, 5,000 octets; another one for each number. */
const longPath = (number: number): string =>
  Array.from({ length: 10 }, (_, level) => (level === 0 ? `p${number}` : '').padEnd(499, 'x')).join('/');

/** Runs until it is refused for a limit. @returns how often it was done */
async function untilLimit(run: (count: number) => Promise<unknown>): Promise<number> {
  for (let count = 0; ; count += 1) {
    try {
      await run(count);
    } catch (error) {
      assert.ok(error instanceof MailError && error.code === 'limit', String(error));
      return count;
    }
  }
}

describe('an account with as many and as long names as it may have', () => {
  it('is written down, and opened from there', async () => {
    const one = setup.node();
    const account = await createAccount(one);
    // Mailboxes that are deleted count for themselves as long as they can be brought back.
    const inbox = await openMailbox(one, account);
    const keywords = (from: number): string[] =>
      Array.from({ length: 100 }, (_, at) => `k${from + at}`.padEnd(64, 'x'));
    for (let from = 0; from < 1000; from += 100) {
      await one.create(account, 'source');
      const source = await openMailbox(one, account, 'source');
      await one.append(account, source.id, [newMessage({ flags: { system: 0, keywords: keywords(from) } })]);
      await source.move(EVERYTHING, inbox.id);
      source.close();
      await one.remove(account, 'source');
    }
    assert.equal(inbox.info().keywords.length, 1000);
    for (let number = 0; number < 40; number += 1) {
      await one.create(account, `gone${number}`);
      await inbox.copy(EVERYTHING, { path: `gone${number}` });
      await one.remove(account, `gone${number}`);
    }
    // Past the limit none could be made; those that are there could still grow.
    for (let number = 0; number < 240; number += 1) await one.create(account, `full${number}`);
    const copies = await untilLimit((number) => inbox.copy(EVERYTHING, { path: `full${number}` }));
    assert.ok(copies > 100 && copies < 125, `${copies} mailboxes of 1,000 keywords`);
    const subscribed = await untilLimit((number) => one.setSubscribed(account, longPath(number), true));
    assert.ok(subscribed > 400 && subscribed < 430, `${subscribed} subscriptions`);
    await one.fold(account);
    const checkpoint = await setup.store.readCheckpoint(account);
    assert.equal(checkpoint?.q, one.knownQ(account));
    // 2 MiB of deleted mailboxes are remembered, the latest.
    assert.deepEqual(
      checkpoint.removed.map(({ header }) => header.path),
      Array.from({ length: 29 }, (_, at) => `gone${11 + at}`),
    );
    const other = setup.node();
    assert.deepEqual(await other.list(account), await one.list(account));
    assert.deepEqual(await other.subscriptions(account), await one.subscriptions(account));
    inbox.close();
  });
});
