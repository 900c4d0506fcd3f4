import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Journal } from '../../lib/journal/index.ts';
import type { JournalStore } from '../../lib/journal/journal-store.ts';
import type { AccountId, MessageId } from '../../lib/kernel/ids.ts';
import {
  createAccount,
  DAY_MS,
  EVERYTHING,
  mailboxId,
  newMessage,
  openMailbox,
  showAccount,
  steppedClock,
  useDatabase,
} from './journal-node.ts';

const setup = useDatabase();
const { node } = setup;

/** The real store; before each of its operations `step` is told its number. */
function stepped(step: (number: number) => Promise<void>): JournalStore {
  let number = 0;
  return new Proxy(setup.store, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      return async (...given: unknown[]): Promise<unknown> => {
        number += 1;
        await step(number);
        return Reflect.apply(member, target, given);
      };
    },
  });
}

/** An account that two nodes have open; what the first does is interrupted. */
interface Scene {
  readonly account: AccountId;
  readonly first: Journal;
  readonly second: Journal;
  readonly clock: ReturnType<typeof steppedClock>;
  /** Message data that the first node has renewed. */
  readonly renewed: Set<MessageId>;
  /** Three in INBOX, of which the second was expunged. */
  readonly ids: readonly [MessageId, MessageId, MessageId];
}

async function makeScene(store: JournalStore): Promise<Scene> {
  const clock = steppedClock();
  const second = node({ clock });
  const renewed = new Set<MessageId>();
  const renew = async (_: AccountId, some: readonly MessageId[]): Promise<readonly boolean[]> =>
    some.map((id) => renewed.add(id).has(id));
  const account = await createAccount(second);
  const messages = [newMessage(), newMessage(), newMessage()] as const;
  const inbox = await openMailbox(second, account);
  await second.append(account, inbox.id, messages);
  await second.fold(account);
  await inbox.expunge([{ from: 2, to: 2 }], { force: true });
  inbox.close();
  const first = node({ clock, store, renew });
  return {
    account,
    first,
    second,
    clock,
    renewed,
    ids: [messages[0].messageId, messages[1].messageId, messages[2].messageId],
  };
}

/** Has `other` done by the second node in the midst of `main`, at every so manieth of its steps, and then looks. */
async function atEachStep(
  main: (scene: Scene) => Promise<unknown>,
  other: (scene: Scene) => Promise<unknown>,
  look: (scene: Scene, done: { readonly main: unknown; readonly other: unknown }) => Promise<void>,
  stride = 1,
): Promise<void> {
  for (let step = 1; step < 60; step += stride) {
    const made: Scene[] = [];
    const done: { other?: unknown } = {};
    const store = stepped(async (number) => {
      const [scene] = made;
      if (number === step && scene !== undefined) done.other = await other(scene);
    });
    const scene = await makeScene(store);
    made.push(scene);
    const result = await main(scene);
    if (!('other' in done)) {
      assert.ok(step > 2, `${String(step - 1)} steps`);
      return;
    }
    await look(scene, { main: result, other: done.other });
    assert.deepEqual(await node({ clock: scene.clock }).check(scene.account), [], `step ${String(step)}`);
    const shown = await showAccount(node({ clock: scene.clock }), scene.account);
    for (const journal of [scene.first, scene.second])
      assert.deepEqual(await showAccount(journal, scene.account), shown, `step ${String(step)}`);
  }
  assert.fail('there is no end of steps');
}

const code = (error: unknown): unknown => (error as { code?: unknown }).code;
const idsIn = async (journal: Journal, account: AccountId, path: string): Promise<MessageId[]> => {
  const opened = await openMailbox(journal, account, path);
  const ids = [...opened.rows(EVERYTHING)].map(({ messageId }) => messageId);
  opened.close();
  return ids;
};
const expungeThird = async ({ second, account }: Scene): Promise<void> => {
  const inbox = await openMailbox(second, account);
  await inbox.expunge([{ from: 3, to: 3 }], { force: true });
  inbox.close();
};

describe('one thing in the middle of another, on two nodes', () => {
  it('a fold, and more expunged, while something is restored', () =>
    atEachStep(
      ({ first, account }) => first.restoreAll(account, {}),
      async (scene) => {
        await expungeThird(scene);
        await scene.second.fold(scene.account);
      },
      async ({ account, ids: [one, two, three] }) => {
        // Of the third it depends on when it was looked at.
        const there = await idsIn(node(), account, 'INBOX');
        assert.deepEqual(
          there.filter((id) => id !== three),
          [one, two],
        );
      },
    ));

  it('something is restored twice at the same time: it is there once', () =>
    atEachStep(
      ({ first, account }) => first.restoreAll(account, {}),
      ({ second, account }) => second.restoreAll(account, {}),
      async ({ account, ids: [one, two, three] }) =>
        assert.deepEqual(await idsIn(node(), account, 'INBOX'), [one, three, two]),
    ));

  it('something is restored while a fold writes it down as expunged', () =>
    atEachStep(
      ({ first, account }) => first.fold(account),
      ({ second, account }) => second.restoreAll(account, {}),
      async ({ account, second, ids: [one, two, three] }) => {
        assert.deepEqual(await idsIn(node(), account, 'INBOX'), [one, three, two]);
        assert.equal((await second.restoreAll(account, {})).restored, 0);
      },
    ));

  it('a message goes to another mailbox while a sweep looks for references to it', () =>
    atEachStep(
      ({ first, account, ids }) => first.sweep(account, ids),
      async ({ second, account }) => {
        const inbox = await openMailbox(second, account);
        await inbox.move(EVERYTHING, await mailboxId(second, account, 'Sent'));
        inbox.close();
        await second.fold(account);
      },
      async ({ account, ids: [one, , three] }, { main }) => {
        assert.deepEqual(main, [], 'what is live and what was expunged lately is not swept');
        assert.deepEqual(await idsIn(node(), account, 'Sent'), [one, three]);
      },
    ));

  it('a sweep, while what it names is restored', () =>
    atEachStep(
      ({ first, account }) => first.restoreAll(account, {}),
      async ({ second, account, ids, clock, renewed }) => {
        const swept = await second.sweep(account, ids, clock.at + 1);
        // What was renewed before may have been looked at before that.
        renewed.clear();
        return swept;
      },
      async ({ account, renewed, ids: [one, two, three] }, { other }) => {
        assert.deepEqual(await idsIn(node(), account, 'INBOX'), [one, three, two]);
        assert.ok(!(other as readonly MessageId[]).includes(two) || renewed.has(two));
      },
    ));

  it('an account is closed while mail comes in: what was taken in came before', async () => {
    for (let step = 1; ; step += 1) {
      const made: Scene[] = [];
      const closed: AccountId[] = [];
      const store = stepped(async (number) => {
        const [scene] = made;
        if (number !== step || scene === undefined) return;
        await scene.second.closeAccount(scene.account);
        closed.push(scene.account);
      });
      const scene = await makeScene(store);
      made.push(scene);
      const { account, first, second } = scene;
      const delivery = { message: newMessage(), mailboxPath: 'INBOX', existedSinceQ: undefined };
      const outcome = await first.deliver(account, delivery).catch(code);
      if (closed.length === 0) break;
      const { records } = await setup.store.readAfter(account, 0, 100);
      const last = records.at(-1);
      assert.equal(last?.changes[0]?.kind, 'close', 'nothing comes after it');
      assert.ok(typeof outcome === 'object' || outcome === 'user-not-found', String(outcome));
      await assert.rejects(second.deliver(account, delivery), { code: 'user-not-found' });
    }
  });

  it('mail comes and goes while records past the retention go', () =>
    atEachStep(
      async ({ first, second, account, clock }) => {
        // Records go a run after the base has taken them in: this one removes some, and takes in others.
        clock.at += 40 * DAY_MS;
        await second.maintain(account);
        await second.append(account, { path: 'INBOX' }, [newMessage()]);
        clock.at += 40 * DAY_MS;
        return (await first.maintain(account)).records;
      },
      async (scene) => {
        await scene.second.append(scene.account, { path: 'INBOX' }, [newMessage()]);
        await expungeThird(scene);
        await scene.second.fold(scene.account);
        return (await scene.second.maintain(scene.account)).records;
      },
      async ({ account, ids: [one] }, { main, other }) => {
        assert.ok(Number(main) + Number(other) > 0, 'some are removed');
        const there = await idsIn(node(), account, 'INBOX');
        assert.deepEqual([there[0], there.length], [one, 3]);
      },
      5,
    ));
});
