import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AccountState } from '../../lib/journal/account-state.ts';
import { joinRestored, restoredIn } from '../../lib/journal/restored.ts';
import { newAccountId, newMailboxId } from '../../lib/kernel/ids.ts';

describe('what of the expunged was brought back', () => {
  it('is told for each mailbox and UID, in whatever order and however overlapping it came', () => {
    const state = new AccountState(newAccountId());
    const [one, other] = [newMailboxId(), newMailboxId()];
    const uids = (...pairs: readonly (readonly [number, number])[]) => pairs.map(([from, to]) => ({ from, to }));
    state.restored = [
      { mailbox: one, at: 1, uids: uids([10, 12], [20, 20]) },
      { mailbox: other, at: 2, uids: uids([1, 1]) },
      { mailbox: one, at: 3, uids: uids([2, 2], [11, 14]) },
    ];
    const isRestored = restoredIn(state);
    const told = (mailbox: typeof one): number[] =>
      Array.from({ length: 25 }, (_, uid) => uid).filter((uid) => isRestored(mailbox, uid));
    assert.deepEqual(told(one), [2, 10, 11, 12, 13, 14, 20]);
    assert.deepEqual(told(other), [1]);
    assert.deepEqual(told(newMailboxId()), []);
  });

  it('is written down once for each mailbox, and as long as the latest of it', () => {
    const [one, other] = [newMailboxId(), newMailboxId()];
    const restored = [
      { mailbox: one, at: 1, uids: [{ from: 7, to: 7 }] },
      { mailbox: one, at: 5, uids: [{ from: 2, to: 2 }] },
      { mailbox: other, at: 4, uids: [{ from: 1, to: 3 }] },
      { mailbox: one, at: 6, uids: [{ from: 1, to: 1 }] },
    ];
    assert.deepEqual(joinRestored(restored, 5), [{ mailbox: one, at: 6, uids: [{ from: 1, to: 2 }] }]);
    assert.deepEqual(joinRestored(restored, 0), [
      {
        mailbox: one,
        at: 6,
        uids: [
          { from: 1, to: 2 },
          { from: 7, to: 7 },
        ],
      },
      { mailbox: other, at: 4, uids: [{ from: 1, to: 3 }] },
    ]);
    const often = Array.from({ length: 1000 }, (_, at) => ({ mailbox: one, at, uids: [{ from: at + 1, to: at + 1 }] }));
    assert.deepEqual(joinRestored(often, 0), [{ mailbox: one, at: 999, uids: [{ from: 1, to: 1000 }] }]);
  });

  it('is told without walking all of them, of many with gaps between them', () => {
    const took = (count: number): number => {
      const state = new AccountState(newAccountId());
      const mailbox = newMailboxId();
      state.restored = Array.from({ length: count / 1000 }, (_, batch) => ({
        mailbox,
        at: 1,
        uids: Array.from({ length: 1000 }, (_own, at) => ({
          from: 2 * (batch * 1000 + at) + 1,
          to: 2 * (batch * 1000 + at) + 1,
        })),
      }));
      const begun = performance.now();
      const isRestored = restoredIn(state);
      let wrong = 0;
      for (let uid = 1; uid <= 2 * count; uid += 1) if (isRestored(mailbox, uid) !== (uid % 2 === 1)) wrong += 1;
      const ms = performance.now() - begun;
      assert.equal(wrong, 0);
      return ms;
    };
    // Some 20 ms; to walk all of them for each takes 16 seconds.
    const ms = took(80_000);
    assert.ok(ms < 2000, `${String(ms)} ms`);
  });
});
