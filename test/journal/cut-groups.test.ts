import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CommitOutcome, JournalStore } from '../../lib/journal/journal-store.ts';
import { MailError } from '../../lib/kernel/errors.ts';
import { createAccount, EVERYTHING, newMessage, openMailbox, useDatabase } from './journal-node.ts';

const setup = useDatabase();
const { node } = setup;

const LOST: CommitOutcome = { kind: 'stopped', committed: 0, reason: 'unknown', error: 'cut' };
const REFUSED: CommitOutcome = { kind: 'stopped', committed: 0, reason: 'failed', error: 'disk full' };

/**
 * The real store. Of the first insert of several records nobody hears the end while it is carried out: one record is in,
 * the others are when the next insert comes, before it or after it.
 */
function slowStore(told: CommitOutcome, order: 'before' | 'after'): JournalStore {
  const base = setup.store;
  let isSlow = true;
  let rest: (() => Promise<unknown>) | undefined;
  return {
    ...base,
    insert: async (account, records) => {
      if (isSlow && records.length > 1) {
        isSlow = false;
        await base.insert(account, records.slice(0, 1));
        rest = () => base.insert(account, records.slice(1));
        return told;
      }
      const others = rest;
      rest = undefined;
      if (order === 'before') await others?.();
      const outcome = await base.insert(account, records);
      if (order === 'after') await others?.();
      return outcome;
    },
  };
}

describe('a group of which one record is in and the others are still to come', () => {
  for (const [how, told] of [
    ['the reply is lost', LOST],
    ['a second try was refused', REFUSED],
  ] as const)
    for (const order of ['before', 'after'] as const)
      it(`${how}, the others come ${order} the next insert: each is done once`, async () => {
        const mine = node({ store: slowStore(told, order) });
        const other = node();
        const account = await createAccount(other);
        const inbox = await openMailbox(mine, account);
        const messages = [newMessage(), newMessage(), newMessage()];
        const given = await Promise.all(messages.map((message) => mine.append(account, inbox.id, [message])));
        const behind = await mine.append(account, inbox.id, [newMessage()]);
        assert.deepEqual([...given, behind].map(({ uids }) => uids), [[1], [2], [3], [4]]); // prettier-ignore
        const theirs = await openMailbox(other, account);
        for (const opened of [inbox, theirs]) {
          const ids = [...opened.rows(EVERYTHING)].map(({ messageId }) => messageId);
          assert.deepEqual(ids.slice(0, 3), messages.map(({ messageId }) => messageId)); // prettier-ignore
          assert.equal(ids.length, 4);
          opened.close();
        }
        assert.deepEqual(await other.check(account), []);
      });
});

it('what the store does not send for want of room is refused at once, whether or not the journal can be read', async () => {
  const account = await createAccount(node());
  const isBusy = { is: false };
  const busy = async (): Promise<never> => {
    throw new MailError('unavailable', 'busy');
  };
  const store: JournalStore = {
    ...setup.store,
    insert: async (...given) => (isBusy.is ? busy() : setup.store.insert(...given)),
    readAfter: async (...given) => (isBusy.is ? new Promise<never>(() => undefined) : setup.store.readAfter(...given)),
  };
  const mine = node({ store, settings: { commitTimeout: 1000 } });
  const inbox = await openMailbox(mine, account);
  isBusy.is = true;
  const refused = [1, 2].map(() =>
    assert.rejects(mine.append(account, inbox.id, [newMessage()]), { code: 'unavailable' }),
  );
  await Promise.all(refused);
  isBusy.is = false;
  assert.deepEqual((await mine.append(account, inbox.id, [newMessage()])).uids, [1]);
  inbox.close();
});
