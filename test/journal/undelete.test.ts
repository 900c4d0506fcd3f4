import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ExpungedChoice, ExpungedMessage, Journal } from '../../lib/journal/index.ts';
import type { AccountId, MailboxId, MessageId } from '../../lib/kernel/ids.ts';
import {
  createAccount,
  DAY_MS,
  EVERYTHING,
  mailboxId,
  messageIdOf,
  newMessage,
  openMailbox,
  steppedClock,
  useDatabase,
} from './journal-node.ts';

const setup = useDatabase();
const { node } = setup;

async function all(journal: Journal, account: AccountId, mailbox?: MailboxId): Promise<ExpungedMessage[]> {
  const found: ExpungedMessage[] = [];
  let cursor: string | undefined;
  do {
    const page = await journal.expunged(account, {
      limit: 2,
      ...(mailbox === undefined ? {} : { mailbox }),
      ...(cursor === undefined ? {} : { cursor }),
    });
    found.push(...page.messages);
    ({ cursor } = page);
  } while (cursor !== undefined);
  return found;
}

const idsOf = (messages: readonly { readonly messageId: MessageId }[]): MessageId[] =>
  messages.map(({ messageId }) => messageId);

describe('undelete', () => {
  it('lists what was expunged and what went with a mailbox, not what moved, on every node and after a fold', async () => {
    const one = node();
    const account = await createAccount(one);
    const inbox = await openMailbox(one, account);
    const names = ['a', 'b', 'c', 'd', 'e'].map((name) => messageIdOf(`undelete ${name}`));
    const [a, b, c, d, e] = names as [MessageId, MessageId, MessageId, MessageId, MessageId];
    for (const messageId of [a, b, c])
      await one.append(account, inbox.id, [newMessage({ messageId, flags: { system: 9, keywords: ['x', 'y'] } })]);
    const box = await one.create(account, 'box');
    await one.append(account, box.id, [newMessage({ messageId: d }), newMessage({ messageId: e, size: 77 })]);
    await inbox.move([{ from: 2, to: 2 }], await mailboxId(one, account, 'Sent'));
    await one.fold(account);
    await inbox.expunge([{ from: 1, to: 1 }], { force: true });
    await (await openMailbox(one, account, 'box')).expunge([{ from: 1, to: 1 }], { force: true });
    await one.remove(account, 'box');

    const expected = [e, d, a];
    assert.deepEqual(idsOf(await all(one, account)), expected);
    assert.deepEqual(idsOf(await all(node(), account)), expected);
    await one.fold(account);
    const listed = await all(node(), account);
    assert.deepEqual(listed, await all(one, account));
    assert.deepEqual(idsOf(listed), expected);
    assert.deepEqual(idsOf(await all(one, account, inbox.id)), [a]);
    const [gone, , first] = listed;
    assert.ok(gone !== undefined && first !== undefined);
    assert.deepEqual([gone.path, gone.isMailboxDeleted, gone.size, gone.uid], ['box', true, 77, 2]);
    assert.deepEqual([first.path, first.isMailboxDeleted, first.uid], ['INBOX', false, 1]);
    assert.deepEqual([first.flags.system, [...first.flags.keywords].sort()], [9, ['x', 'y']]);
    await assert.rejects(one.expunged(account, { limit: 5, cursor: 'nonsense' }), { code: 'invalid-input' });
  });

  it('restores each to where it was, or to INBOX, once, with flags and dates', async () => {
    const one = node();
    const account = await createAccount(one);
    const inbox = await openMailbox(one, account);
    const box = await one.create(account, 'box');
    const internalDate = { at: 1_600_000_000_000, zoneMinutes: -90 };
    await one.append(account, inbox.id, [
      newMessage({ internalDate, flags: { system: 13, keywords: ['keep'] } }),
      newMessage(),
    ]);
    await one.append(account, box.id, [newMessage({ sentDate: undefined })]);
    const before = [...inbox.rows(EVERYTHING)][0];
    await inbox.expunge([{ from: 1, to: 1 }]);
    await one.remove(account, 'box');
    const ids = (await all(one, account)).map(({ id }) => id);
    assert.equal(ids.length, 2);
    const both = await Promise.all([one.restore(account, ids), node().restore(account, ids)]);
    assert.deepEqual(both.map(({ restored }) => restored.length).sort(), [0, 2]);
    assert.deepEqual(both.map(({ notRestored }) => notRestored.length).sort(), [0, 2]);
    await inbox.refresh();
    assert.deepEqual([...inbox.uids()], [2, 3, 4]);
    const rows = [...inbox.rows(EVERYTHING)];
    const back = rows.find(({ messageId }) => messageId === before?.messageId);
    assert.ok(back !== undefined && before !== undefined);
    assert.deepEqual(
      { ...back, uid: before.uid, modseq: before.modseq, savedAt: before.savedAt },
      { ...before, flags: { system: 5, keywords: ['keep'] } },
    );
    assert.deepEqual(await all(one, account), []);
    await one.fold(account);
    assert.deepEqual(await all(node(), account), []);
    assert.deepEqual((await node().restore(account, ids)).restored, []);
    assert.deepEqual(await inbox.vanishedSince(0), [{ from: 1, to: 1 }]);
    // Gone again, it is offered again, as the message that it has become.
    await inbox.expunge([{ from: 3, to: 4 }], { force: true });
    assert.deepEqual((await all(one, account)).map(({ uid }) => uid), [4, 3]); // prettier-ignore
  });

  it('two that have both seen a message as expunged restore it once', async () => {
    const one = node();
    const account = await createAccount(one);
    const inbox = await openMailbox(one, account);
    await one.append(account, inbox.id, [newMessage(), newMessage()]);
    await inbox.expunge(EVERYTHING, { force: true });
    const ids = (await all(one, account)).map(({ id }) => id);
    // Between its look and its commit the other one has restored one of them.
    const late = node({
      renew: async (_, messageIds) => {
        await one.restore(account, ids.slice(0, 1));
        return messageIds.map(() => true);
      },
    });
    const { restored, notRestored } = await late.restore(account, ids);
    assert.deepEqual([restored.map(({ id }) => id), notRestored], [ids.slice(1), ids.slice(0, 1)]);
    await inbox.refresh();
    assert.equal(inbox.uids().length, 2);
  });

  it('obeys a target and the quota, and gives back what is asked for only', async () => {
    const one = node();
    const account = await createAccount(one, 1000);
    const inbox = await openMailbox(one, account);
    await one.append(account, inbox.id, [newMessage({ size: 400 }), newMessage({ size: 400 })]);
    await inbox.expunge(EVERYTHING, { force: true });
    const [last, first] = await all(one, account);
    assert.ok(last !== undefined && first !== undefined);
    await one.append(account, inbox.id, [newMessage({ size: 500 })]);
    await assert.rejects(one.restore(account, [last.id, first.id]), { code: 'over-quota' });
    await assert.rejects(one.restore(account, [first.id], { target: { path: 'nowhere' } }), {
      code: 'mailbox-not-found',
    });
    const { restored, notRestored } = await one.restore(account, [first.id, 'ff', first.id], {
      target: { path: 'Trash' },
    });
    assert.deepEqual(notRestored, ['ff']);
    const trash = await openMailbox(one, account, 'Trash');
    assert.deepEqual(restored, [
      { id: first.id, messageId: first.messageId, mailbox: trash.id, uidValidity: trash.info().uidValidity, uid: 1 },
    ]);
    assert.deepEqual(idsOf(await all(one, account)), [last.messageId]);
    assert.equal((await one.usage(account)).octets, 900);
  });

  it('ends with the window, and with the data', async () => {
    const clock = steppedClock();
    const gone = new Set<MessageId>();
    const one = node({ clock, renew: async (_, ids) => ids.map((id) => !gone.has(id)) });
    const account = await createAccount(one);
    const inbox = await openMailbox(one, account);
    const message = newMessage();
    await one.append(account, inbox.id, [message, newMessage()]);
    await inbox.expunge([{ from: 1, to: 1 }], { force: true });
    clock.at += 13 * DAY_MS;
    await one.append(account, inbox.id, [newMessage()]);
    await one.fold(account);
    const [expunged] = await all(one, account);
    assert.equal(expunged?.messageId, message.messageId);
    assert.deepEqual(await one.isLive(account, [message.messageId], clock.at - 14 * DAY_MS), [true]);
    gone.add(message.messageId);
    assert.deepEqual(await one.restore(account, [expunged.id]), { restored: [], notRestored: [expunged.id] });
    gone.clear();
    clock.at += 2 * DAY_MS;
    assert.deepEqual(await all(one, account), []);
    assert.deepEqual((await one.restore(account, [expunged.id])).restored, []);
  });

  it('restores all that is chosen: by mailbox, by path, by time', async () => {
    const clock = steppedClock();
    const one = node({ clock });
    const account = await createAccount(one);
    const inbox = await openMailbox(one, account);
    const box = await one.create(account, 'box');
    const [a, b, c] = [newMessage(), newMessage(), newMessage()];
    await one.append(account, inbox.id, [a, b]);
    await one.append(account, box.id, [c]);
    const times: number[] = [];
    for (const uid of [1, 2]) {
      clock.at += 1000;
      times.push(clock.at);
      await inbox.expunge([{ from: uid, to: uid }], { force: true });
    }
    clock.at += 1000;
    times.push(clock.at);
    await one.remove(account, 'box');
    const chosen = async (choice: ExpungedChoice): Promise<MessageId[]> =>
      idsOf((await one.expunged(account, { ...choice, limit: 10 })).messages);
    const [first = 0, second = 0, third = 0] = times;
    assert.deepEqual(
      await chosen({ goneSince: second }),
      [c, b].map(({ messageId }) => messageId),
    );
    assert.deepEqual(
      await chosen({ goneUntil: second }),
      [b, a].map(({ messageId }) => messageId),
    );
    assert.deepEqual(await chosen({ goneSince: second, goneUntil: second }), [b.messageId]);
    assert.deepEqual(await chosen({ goneSince: third + 1 }), []);
    assert.deepEqual(
      await chosen({ path: 'inbox' }),
      [b, a].map(({ messageId }) => messageId),
    );
    assert.deepEqual(await chosen({ path: 'box' }), [c.messageId]);
    assert.deepEqual(await chosen({ mailbox: box.id, goneUntil: second }), []);
    assert.deepEqual(await one.restoreAll(account, { path: 'nowhere' }), { restored: 0, notRestored: 0 });
    assert.deepEqual(await one.restoreAll(account, { goneUntil: first }), { restored: 1, notRestored: 0 });
    assert.deepEqual(
      await chosen({}),
      [c, b].map(({ messageId }) => messageId),
    );
    assert.deepEqual(await one.restoreAll(account, { path: 'box' }), { restored: 1, notRestored: 0 });
    await inbox.refresh();
    assert.deepEqual(
      idsOf([...inbox.rows(EVERYTHING)]),
      [a, c].map(({ messageId }) => messageId),
    );
  });

  it('restores many in the order that they had, in records of a thousand, and goes on where it was broken off', async () => {
    const one = node({ renew: async (_, ids) => ids.map((id) => id !== lost) });
    const account = await createAccount(one, 1500 * 10);
    const inbox = await openMailbox(one, account);
    const messages = Array.from({ length: 1500 }, () => newMessage({ size: 10 }));
    const lost = messages[700]?.messageId;
    await one.append(account, inbox.id, messages);
    for (const half of [
      { from: 751, to: 1500 },
      { from: 1, to: 750 },
    ])
      await inbox.expunge([half], { force: true });
    await one.append(account, inbox.id, [newMessage({ size: 4000 })]);
    const box = await one.create(account, 'box');
    const q = one.knownQ(account);
    await assert.rejects(one.restoreAll(account, {}, { target: { path: 'box' } }), { code: 'over-quota' });
    assert.equal(one.knownQ(account), q + 1);
    await one.setQuota(account, 0);
    const rest = await one.restoreAll(account, {}, { target: box.id });
    assert.deepEqual(rest, { restored: 500, notRestored: 1 });
    const restored = idsOf([...(await openMailbox(one, account, 'box')).rows(EVERYTHING)]);
    const expected = idsOf(messages).filter((id) => id !== lost);
    assert.deepEqual(restored, expected);
  });
});
