import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Journal } from '../../lib/journal/index.ts';
import type { AccountId } from '../../lib/kernel/ids.ts';
import { createAccount, EVERYTHING, newMessage, openMailbox, useDatabase } from './journal-node.ts';

const setup = useDatabase();
const { node } = setup;

const KEYWORDS = Array.from({ length: 30 }, (_, index) => `k${String(index)}`);
const LAST = ['k28', 'k29'];

/** A message that carries the last two of thirty keywords, of which nobody carries the others any more. */
async function fillMailbox(one: Journal, account: AccountId, path: string): Promise<void> {
  if (path !== 'INBOX') await one.create(account, path);
  await one.append(account, { path }, [newMessage({ flags: { system: 0, keywords: KEYWORDS } })]);
  const opened = await openMailbox(one, account, path);
  await one.fold(account);
  await opened.storeFlags(EVERYTHING, { mode: 'replace', flags: { system: 0, keywords: LAST } });
  opened.close();
}

const expungedKeywords = async (journal: Journal, account: AccountId): Promise<readonly (readonly string[])[]> =>
  (await journal.expunged(account, { limit: 10 })).messages.map(({ flags }) => flags.keywords);

describe('names of keywords that a fold frees', () => {
  for (const isLoaded of [true, false]) {
    it(`of a mailbox that is deleted by a node which ${isLoaded ? 'has' : 'has not'} loaded it before`, async () => {
      const [one, two] = [node(), node()];
      const account = await createAccount(one);
      await fillMailbox(one, account, 'work');
      await two.list(account);
      if (isLoaded) (await openMailbox(two, account, 'work')).close();
      await one.fold(account);
      await two.remove(account, 'work');
      assert.deepEqual(await expungedKeywords(two, account), [LAST]);
      // The first finds that somebody was before it, the second writes.
      for (let count = 0; count < 2; count += 1) {
        await two.create(account, `more${String(count)}`);
        await two.fold(account);
      }
      assert.deepEqual(await expungedKeywords(two, account), [LAST]);
      assert.deepEqual(await expungedKeywords(one, account), [LAST]);
      assert.deepEqual(await expungedKeywords(node(), account), [LAST]);
      const { restored } = await two.restoreAll(account, {});
      assert.equal(restored, 1);
      const inbox = await openMailbox(node(), account);
      assert.deepEqual(inbox.row(1)?.flags.keywords, LAST);
    });
  }

  it('of a mailbox that somebody is looking at', async () => {
    const one = node();
    const account = await createAccount(one);
    await fillMailbox(one, account, 'INBOX');
    const inbox = await openMailbox(one, account);
    const view = inbox.columns();
    const rows = inbox.rows(EVERYTHING)[Symbol.iterator]();
    await one.fold(account);
    assert.equal(inbox.info().keywords.length, 2);
    assert.deepEqual(view.keywords(0), LAST);
    const first = rows.next();
    assert.ok(first.done !== true);
    assert.deepEqual(first.value.flags.keywords, LAST);
    assert.deepEqual(inbox.columns().keywords(0), LAST);
  });
});
