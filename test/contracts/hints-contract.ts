import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Hints } from '../../lib/journal/index.ts';
import { newAccountId, type AccountId } from '../../lib/kernel/ids.ts';

/** One implementation: `join` gives what one process has, all of them connected with each other. */
export interface HintsSubject {
  readonly join: () => Promise<Hints>;
  /** What `join` gave is one and the same for all: no second process hears of it. */
  readonly isOfOneProcess?: true;
}

/** The next hint of the account that names a record, or the one that is asked for. */
export function nextHint(hints: Hints, account: AccountId, wanted?: number): Promise<number> {
  return new Promise((resolve) => {
    const end = hints.subscribe(account, (q) => {
      if (q === Infinity || (wanted !== undefined && q !== wanted)) return;
      end();
      resolve(q);
    });
  });
}

/** Resolves once the subscription reaches everybody: publishes until it is heard. */
export async function reached(publisher: Hints, subscriber: Hints, account: AccountId): Promise<void> {
  const heard = nextHint(subscriber, account);
  let isHeard = false;
  void heard.then(() => (isHeard = true));
  for (let q = 1; !isHeard; q += 1) {
    publisher.publish(account, q);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** What every kind of hints holds. To be called within `describe`. */
export function hintsContract({ join, isOfOneProcess }: HintsSubject): void {
  const withTwo = async (run: (one: Hints, two: Hints) => Promise<void>): Promise<void> => {
    const one = await join();
    const two = isOfOneProcess === true ? one : await join();
    try {
      await run(one, two);
    } finally {
      await one.close();
      await two.close();
    }
  };

  it('what one publishes the other hears, and the publisher itself at once', () =>
    withTwo(async (one, two) => {
      const account = newAccountId();
      const own: number[] = [];
      const end = one.subscribe(account, (q) => own.push(q));
      await reached(one, two, account);
      end();
      const [before] = own.splice(0, own.length, 0);
      assert.equal(before, 1, 'told before anything was sent');
      const heard = nextHint(two, account, 1_000_007);
      await reached(one, two, account);
      one.publish(account, 1_000_007);
      assert.equal(await heard, 1_000_007);
    }));

  it('both ways, several accounts, and nothing of accounts that nobody subscribed to', () =>
    withTwo(async (one, two) => {
      const [a, b, other] = [newAccountId(), newAccountId(), newAccountId()];
      const strays: number[] = [];
      const end = two.subscribe(other, (q) => {
        if (q !== Infinity) strays.push(q);
      });
      await reached(one, two, a);
      await reached(two, one, b);
      const heard = [nextHint(two, a, 501), nextHint(one, b, 502)];
      await reached(one, two, a);
      await reached(two, one, b);
      one.publish(a, 501);
      two.publish(b, 502);
      assert.deepEqual(await Promise.all(heard), [501, 502]);
      assert.deepEqual(strays, []);
      end();
    }));

  it('an ended subscription hears nothing more; ending it twice is harmless', () =>
    withTwo(async (one, two) => {
      const account = newAccountId();
      const heard: number[] = [];
      const end = two.subscribe(account, (q) => heard.push(q));
      await reached(one, two, account);
      end();
      end();
      const count = heard.length;
      await reached(one, two, account);
      assert.equal(heard.length, count);
    }));

  it('every listener of an account hears the hint, whoever ends meanwhile', () =>
    withTwo(async (one, two) => {
      const account = newAccountId();
      const heard = [nextHint(two, account, 77), nextHint(two, account, 77), nextHint(two, account, 77)];
      await reached(one, two, account);
      one.publish(account, 77);
      assert.deepEqual(await Promise.all(heard), [77, 77, 77]);
    }));

  it('publish throws for nothing and waits for nothing, closed or not', async () => {
    const hints = await join();
    const account = newAccountId();
    const startedAt = performance.now();
    for (let q = 1; q <= 1000; q += 1) hints.publish(account, q);
    assert.ok(performance.now() - startedAt < 500);
    await hints.close();
    hints.publish(account, 1001);
    await hints.close();
  });
}
