import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openJournalStore } from '../../lib/journal/index.ts';
import type { JournalStore } from '../../lib/journal/journal-store.ts';
import type { MessageId } from '../../lib/kernel/ids.ts';
import { createAccount, EVERYTHING, mailboxId, messageIdOf, newMessage, useDatabase } from './journal-node.ts';
import { UnreliableStore } from './unreliable-store.ts';

const setup = useDatabase();
const { node } = setup;

describe('deliver', () => {
  it('20 parallel deliveries of one message on three nodes: one append and 20 equal answers', async () => {
    const journals = [node(), node(), node()];
    const [first] = journals;
    assert.ok(first);
    const account = await createAccount(first);
    await first.append(account, await mailboxId(first, account, 'INBOX'), [newMessage()]);
    const message = newMessage();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) => {
        const journal = journals[at % 3] ?? first;
        // Who wrote the message's data knows nothing of the others; they found it.
        return journal.deliver(account, { message, mailboxPath: 'INBOX', existedSinceQ: at === 7 ? undefined : 1 });
      }),
    );
    for (const answer of answers) assert.deepEqual(answer, answers[0]);
    assert.deepEqual(answers[0]?.uids, [2]);
    const infos = await first.list(account);
    assert.equal(infos[0]?.messages, 2);
  });

  it('a retry is answered by nodes that read the account from a checkpoint, and after the message moved on', async () => {
    const one = node();
    const account = await createAccount(one);
    const message = newMessage();
    const before = one.knownQ(account);
    const first = await one.deliver(account, { message, mailboxPath: 'Sent', existedSinceQ: undefined });
    const sent = await one.open(account, first.mailbox);
    await sent.move(EVERYTHING, await mailboxId(one, account, 'Trash'));
    await one.fold(account);
    assert.deepEqual(await node().deliver(account, { message, mailboxPath: 'Sent', existedSinceQ: before }), first);
    assert.deepEqual(await node().deliver(account, { message, mailboxPath: 'Sent', existedSinceQ: undefined }), first);
  });

  it('what the checkpoint does not remember is searched for in the journal from where its data was written', async () => {
    const one = node({ settings: { foldRecords: 10_000, foldSize: 16 * 1024 * 1024 } });
    const account = await createAccount(one);
    const message = newMessage();
    const since = one.knownQ(account);
    const first = await one.deliver(account, { message, mailboxPath: 'INBOX', existedSinceQ: undefined });
    const inbox = first.mailbox;
    for (let round = 0; round < 21; round += 1) {
      await Promise.all(Array.from({ length: 50 }, () => one.append(account, inbox, [newMessage()])));
    }
    await one.fold(account);
    const late = node();
    assert.deepEqual(await late.deliver(account, { message, mailboxPath: 'INBOX', existedSinceQ: since }), first);
    const other = newMessage();
    assert.deepEqual(
      (await late.deliver(account, { message: other, mailboxPath: 'INBOX', existedSinceQ: since })).uids,
      [1052],
    );
  });

  it('a lost reply: the retry, on another node, gets the same UID', async () => {
    const store = new UnreliableStore(openJournalStore(setup.database));
    const one = node({ store });
    const account = await createAccount(one);
    await one.list(account);
    const message = newMessage();
    store.nextFault = () => 'cut-after';
    store.isDeaf = true;
    const given = { message, mailboxPath: 'INBOX', existedSinceQ: undefined };
    await assert.rejects(one.deliver(account, given, { deadline: performance.now() + 100 }), {
      code: 'outcome-unknown',
    });
    store.isDeaf = false;
    store.nextFault = () => 'none';
    for (const journal of [one, node()]) {
      assert.deepEqual((await journal.deliver(account, { message, mailboxPath: 'INBOX', existedSinceQ: 1 })).uids, [1]);
    }
  });

  it('over quota, and to an account that is not there', async () => {
    const one = node();
    const account = await createAccount(one, 99);
    await assert.rejects(
      one.deliver(account, { message: newMessage(), mailboxPath: 'INBOX', existedSinceQ: undefined }),
      { code: 'over-quota' },
    );
    const nobody = 'f'.repeat(24) as typeof account;
    await assert.rejects(
      one.deliver(nobody, { message: newMessage(), mailboxPath: 'INBOX', existedSinceQ: undefined }),
      { code: 'user-not-found' },
    );
    await assert.rejects(one.deliver(nobody, { message: newMessage(), mailboxPath: 'INBOX', existedSinceQ: 5 }), {
      code: 'user-not-found',
    });
    assert.equal(one.knownQ(nobody), 0);
  });
});

describe('sweep', () => {
  it('an append that meets a sweep naming its data renews it, or fails for now', async () => {
    const renewed: string[] = [];
    let isThere = true;
    const one = node({
      renew: async (_, messageIds) => {
        renewed.push(...messageIds);
        return messageIds.map(() => isThere);
      },
    });
    const sweeper = node();
    const account = await createAccount(one);
    const inbox = await mailboxId(one, account, 'INBOX');
    const [kept, lost, live] = [newMessage(), newMessage(), newMessage()];
    await one.append(account, inbox, [live]);
    assert.deepEqual(await sweeper.isLive(account, [live.messageId, kept.messageId]), [true, false]);
    assert.deepEqual(await sweeper.sweep(account, [kept.messageId, lost.messageId, live.messageId]), [
      kept.messageId,
      lost.messageId,
    ]);
    // This node learns of the sweep by the duplicate key of its own insert.
    assert.deepEqual((await one.append(account, inbox, [kept])).uids, [2]);
    assert.deepEqual(renewed, [kept.messageId]);
    isThere = false;
    await assert.rejects(one.append(account, inbox, [lost]), { code: 'unavailable' });
    assert.deepEqual(await sweeper.sweep(account, [kept.messageId]), []);
  });

  it('a node that opens the account from a checkpoint of after the sweep renews too', async () => {
    const sweeper = node();
    const account = await createAccount(sweeper);
    const inbox = await mailboxId(sweeper, account, 'INBOX');
    const old = newMessage();
    assert.deepEqual(await sweeper.sweep(account, [old.messageId]), [old.messageId]);
    await sweeper.fold(account);
    await sweeper.append(account, inbox, [newMessage()]);
    await sweeper.fold(account);
    const renewed: MessageId[] = [];
    const late = node({
      renew: async (_, messageIds) => {
        renewed.push(...messageIds);
        return messageIds.map(() => true);
      },
    });
    await late.append(account, inbox, [old, newMessage()]);
    assert.deepEqual(renewed, [old.messageId]);
    // Of more than can be remembered, all are taken for swept.
    const many = Array.from({ length: 20_001 }, (_, at) => messageIdOf(`swept ${at}`));
    await sweeper.sweep(account, many);
    await sweeper.fold(account);
    const later = node({ renew: async (_, messageIds) => messageIds.map(() => false) });
    for (const messageId of [many[0], many.at(-1), messageIdOf('another')])
      await assert.rejects(later.append(account, inbox, [newMessage({ messageId: messageId ?? old.messageId })]), {
        code: 'unavailable',
      });
  });

  it('tombstones that a fold moves to segments meanwhile still count', async () => {
    const real = openJournalStore(setup.database);
    let foldNow: (() => Promise<void>) | undefined;
    const readSegments: JournalStore['readSegments'] = async (...given) => {
      const read = await real.readSegments(...given);
      const fold = foldNow;
      foldNow = undefined;
      await fold?.();
      return read;
    };
    const one = node({ store: { ...real, readSegments } });
    const account = await createAccount(one);
    const inbox = await one.open(account, await mailboxId(one, account, 'INBOX'));
    for (const ask of [
      async (id: MessageId) => (await one.sweep(account, [id])).length === 0,
      async (id: MessageId) => (await one.isLive(account, [id]))[0],
    ]) {
      await one.append(account, inbox.id, [newMessage()]);
      await inbox.expunge(EVERYTHING, { force: true });
      await one.fold(account);
      const message = newMessage();
      await one.append(account, inbox.id, [message]);
      await inbox.expunge(EVERYTHING, { force: true });
      foldNow = () => one.fold(account);
      assert.equal(await ask(message.messageId), true);
      assert.equal(foldNow, undefined);
    }
  });

  it('two that race: either the append is first and the sweep leaves its data, or the append renews it', async () => {
    const renewed = new Set<string>();
    const one = node({
      renew: async (_, messageIds) => {
        for (const id of messageIds) renewed.add(id);
        return messageIds.map(() => true);
      },
    });
    const sweeper = node();
    const account = await createAccount(one);
    const inbox = await mailboxId(one, account, 'INBOX');
    for (let round = 0; round < 20; round += 1) {
      const message = newMessage();
      const [swept] = await Promise.all([
        sweeper.sweep(account, [message.messageId]),
        one.append(account, inbox, [message]),
      ]);
      if (swept.length > 0) assert.ok(renewed.has(message.messageId), `round ${round}`);
      else assert.ok(!renewed.has(message.messageId));
    }
  });
});
