import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  createLocalHints,
  type AccountEvent,
  type Hints,
  type Journal,
  type MailboxEvent,
  type OpenMailbox,
} from '../../lib/journal/index.ts';
import { HintListeners } from '../../lib/journal/hints.ts';
import { createAccount, EVERYTHING, mailboxId, newMessage, useDatabase } from './journal-node.ts';

const setup = useDatabase();
const { node } = setup;

/** The events that the mailbox tells, and a promise for the first of a kind. */
function listen(mailbox: OpenMailbox): {
  events: MailboxEvent[];
  first: (kind: MailboxEvent['kind']) => Promise<MailboxEvent>;
} {
  const events: MailboxEvent[] = [];
  const waiting = new Map<string, (event: MailboxEvent) => void>();
  mailbox.onEvent((event) => {
    events.push(event);
    waiting.get(event.kind)?.(event);
  });
  return { events, first: (kind) => new Promise((resolve) => waiting.set(kind, resolve)) };
}

describe('sessions', () => {
  it('of a closed account hear that their mailbox is gone, on other nodes too', async () => {
    const hints = createLocalHints();
    const [one, other] = [node({ hints }), node({ hints })];
    const account = await createAccount(one);
    const id = await mailboxId(one, account, 'INBOX');
    const heard = [listen(await one.open(account, id)), listen(await other.open(account, id))];
    const gone = heard.map(({ first }) => first('deleted'));
    await one.closeAccount(account);
    assert.deepEqual(await Promise.all(gone), [
      { kind: 'deleted', q: 2 },
      { kind: 'deleted', q: 2 },
    ]);
  });

  it('of one process are told at once, in order of q, before the command is answered', async () => {
    const one = node();
    const account = await createAccount(one);
    const id = await mailboxId(one, account, 'INBOX');
    const [mine, another] = await Promise.all([one.open(account, id), one.open(account, id)]);
    const heard = listen(another);
    await one.append(account, id, [newMessage(), newMessage()]);
    assert.deepEqual(heard.events, [{ kind: 'appended', q: 2, uids: [{ from: 1, to: 2 }] }]);
    await mine.storeFlags([{ from: 1, to: 1 }], { mode: 'add', flags: { system: 8, keywords: [] } });
    await mine.expunge(undefined);
    assert.deepEqual(heard.events.slice(1, 2), [{ kind: 'flags-changed', q: 3, uids: [{ from: 1, to: 1 }] }]);
    const [, , expunged] = heard.events;
    assert.ok(expunged?.kind === 'expunged');
    assert.deepEqual(expunged.uids, [{ from: 1, to: 1 }]);
    assert.deepEqual([expunged.gone.count, expunged.gone.uid(0), expunged.gone.systemFlags(0)], [1, 1, 8]);
    await one.rename(account, 'INBOX', 'old');
    await one.create(account, 'b');
    assert.deepEqual(heard.events.slice(3).map(({ kind, q }) => [kind, q]), [['expunged', 5]]); // prettier-ignore
    assert.equal(mine.uids(), another.uids());
  });

  it('of another node on the same hints are told without asking', async () => {
    const hints = createLocalHints();
    const one = node({ hints });
    const other = node({ hints });
    const account = await createAccount(one);
    const mailbox = await other.open(account, await mailboxId(one, account, 'INBOX'));
    const heard = listen(mailbox);
    const appended = heard.first('appended');
    await one.append(account, mailbox.id, [newMessage()]);
    await appended;
    const sent = await other.open(account, await mailboxId(one, account, 'Sent'));
    const gone = listen(sent).first('deleted');
    await one.remove(account, 'Sent');
    await gone;
    await assert.rejects(sent.storeFlags(EVERYTHING, { mode: 'add', flags: { system: 1, keywords: [] } }), {
      code: 'mailbox-not-found',
    });
  });

  it('without any hint the probe finds what happened elsewhere', async () => {
    const one = node();
    const other = node({ settings: { probeInterval: 30 } });
    const account = await createAccount(one);
    const mailbox = await other.open(account, await mailboxId(one, account, 'INBOX'));
    const heard = listen(mailbox).first('appended');
    await one.append(account, mailbox.id, [newMessage()]);
    await heard;
    mailbox.close();
  });

  it('hear of what hints were lost about as soon as the hints are there again', async () => {
    const listeners = new HintListeners();
    const hints: Hints = {
      ...createLocalHints(),
      publish: () => undefined,
      onReset: (listener) => listeners.onReset(listener),
    };
    const one = node();
    const other = node({ hints });
    const account = await createAccount(one);
    const mailbox = await other.open(account, await mailboxId(one, account, 'INBOX'));
    const heard = listen(mailbox).first('appended');
    await one.append(account, mailbox.id, [newMessage()]);
    assert.equal(mailbox.uids().length, 0);
    listeners.reset();
    // Sooner than the probe would find it.
    const tooLong = setTimeout(() => assert.fail('nobody looked'), 5000);
    await heard;
    clearTimeout(tooLong);
    mailbox.close();
  });

  it('keep through a rename, and hear of it', async () => {
    const one = node();
    const account = await createAccount(one);
    await one.create(account, 'a/b');
    const mailbox = await one.open(account, await mailboxId(one, account, 'a/b'));
    const { events } = listen(mailbox);
    await one.rename(account, 'a', 'c');
    assert.deepEqual(events, [{ kind: 'renamed', q: 3, path: 'c/b' }]);
    assert.equal(mailbox.info().path, 'c/b');
    await one.append(account, mailbox.id, [newMessage()]);
    assert.equal(mailbox.uids().length, 1);
  });

  it('that fail to take an event are closed; the others and the command go on', async () => {
    const one = node();
    const account = await createAccount(one);
    const id = await mailboxId(one, account, 'INBOX');
    const [broken, good] = await Promise.all([one.open(account, id), one.open(account, id)]);
    broken.onEvent(() => {
      throw new Error('broken');
    });
    const { events } = listen(good);
    await one.append(account, id, [newMessage()]);
    assert.equal(events.length, 1);
    await assert.rejects(broken.refresh(), { code: 'internal' });
  });

  it('closed ones hear nothing', async () => {
    const one = node();
    const account = await createAccount(one);
    const mailbox = await one.open(account, await mailboxId(one, account, 'INBOX'));
    const { events } = listen(mailbox);
    mailbox.close();
    mailbox.close();
    await one.append(account, mailbox.id, [newMessage()]);
    assert.deepEqual(events, []);
  });

  it('rows taken slowly survive expunges and appends in between', async () => {
    const one = node();
    const account = await createAccount(one);
    const mailbox = await one.open(account, await mailboxId(one, account, 'INBOX'));
    await one.append(
      account,
      mailbox.id,
      Array.from({ length: 10 }, () => newMessage()),
    );
    const seen: number[] = [];
    for (const { uid } of mailbox.rows([{ from: 2, to: 20 }])) {
      seen.push(uid);
      if (uid === 4) await mailbox.expunge([{ from: 1, to: 5 }], { force: true });
      if (uid === 8) await one.append(account, mailbox.id, [newMessage()]);
    }
    assert.deepEqual(seen, [2, 3, 4, 6, 7, 8, 9, 10, 11]);
  });

  it('recent: the first read-write session takes it, on every node once a record carried it', async () => {
    const one = node();
    const account = await createAccount(one);
    const id = await mailboxId(one, account, 'INBOX');
    await one.append(account, id, [newMessage(), newMessage()]);
    const recentFrom = async (journal: Journal, isReadOnly = false): Promise<number> => {
      const mailbox = await journal.open(account, id, { isReadOnly });
      mailbox.close();
      return mailbox.recentFrom;
    };
    assert.equal(await recentFrom(one, true), 1);
    assert.equal(await recentFrom(one), 1);
    assert.equal(await recentFrom(one), 3);
    const q = one.knownQ(account);
    await one.append(account, id, [newMessage()]);
    assert.equal(one.knownQ(account), q + 1);
    assert.equal(await recentFrom(node(), true), 3);
    assert.equal(await recentFrom(one), 3);
  });

  it('the column view says what the rows say', async () => {
    const one = node();
    const account = await createAccount(one);
    const mailbox = await one.open(account, await mailboxId(one, account, 'INBOX'));
    await one.append(account, mailbox.id, [
      newMessage({ flags: { system: 5, keywords: ['x'] } }),
      newMessage({ sentDate: undefined }),
    ]);
    const view = mailbox.columns();
    assert.equal(view.count, 2);
    const rows = [0, 1].map((at) => ({
      uid: view.uid(at),
      messageId: view.messageId(at),
      flags: { system: view.systemFlags(at), keywords: view.keywords(at) },
      modseq: view.modseq(at),
      size: view.size(at),
      crlfSize: mailbox.row(view.uid(at))?.crlfSize,
      internalDate: view.internalDate(at),
      sentDate: view.sentDate(at),
      savedAt: view.savedAt(at),
      thread: view.thread(at),
    }));
    assert.deepEqual(rows, [...mailbox.rows(EVERYTHING)]);
    assert.equal(view.lowerBound(2), 1);
    assert.equal(mailbox.row(99), undefined);
  });

  it('a mailbox that is not there, or only a name, cannot be opened', async () => {
    const one = node();
    const account = await createAccount(one);
    await one.create(account, 'a/b');
    const a = await mailboxId(one, account, 'a');
    await one.remove(account, 'a');
    const name = await mailboxId(one, account, 'a');
    for (const id of [a, name]) await assert.rejects(one.open(account, id), { code: 'mailbox-not-found' });
    assert.equal((await one.find(account, 'a'))?.isNoselect, true);
    assert.equal(await one.find(account, 'a//b'), undefined);
  });

  it('watchers hear of every record, with and without the mailbox open', async () => {
    const one = node();
    const account = await createAccount(one);
    const id = await mailboxId(one, account, 'INBOX');
    const told: AccountEvent[] = [];
    const broken = (): void => {
      throw new Error('broken');
    };
    one.watch(account, broken, broken);
    const begun = new Promise<void>((resolve) => {
      const stop = one.watch(
        account,
        (event) => {
          told.push(event);
          if (told.length === 1) resolve();
          if (told.length === 3) stop();
        },
        () => assert.fail('ended'),
      );
    });
    await one.list(account);
    await one.setSubscribed(account, 'x', true);
    await begun;
    await one.append(account, id, [newMessage()]);
    const mailbox = await one.open(account, id);
    await mailbox.expunge(EVERYTHING, { force: true });
    await one.append(account, id, [newMessage()]);
    assert.deepEqual(
      told.map(({ q, mailboxes }) => [q, mailboxes.flatMap(({ events }) => events.map(({ kind }) => kind))]),
      [[2, []], [3, ['appended']], [4, ['expunged']]], // prettier-ignore
    );
  });

  it('watchers of a closed account hear of its end once, also those who come after it', async () => {
    const one = node();
    const account = await createAccount(one);
    const told: string[] = [];
    const watch = (name: string): Promise<void> =>
      new Promise((resolve) => {
        const onEnd = (): void => {
          told.push(`${name} end`);
          resolve();
        };
        one.watch(account, ({ q }) => told.push(`${name} ${q}`), onEnd);
      });
    const first = watch('first');
    await one.list(account);
    await one.closeAccount(account);
    await first;
    await watch('second');
    assert.deepEqual(told, ['first 2', 'first end', 'second end']);
  });
});
