import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Cursors, type DocumentSource } from '../../lib/embedded/commands/cursors.ts';
import { Memory } from '../../lib/embedded/plan/memory.ts';
import type { Clock } from '../../lib/kernel/clock.ts';

const MINUTES = 60_000;

describe('what open reads hold', () => {
  const make = () => {
    const state = { now: 0, closed: 0 };
    const clock: Clock = { now: () => state.now, monotonic: () => state.now };
    const cursors = new Cursors(clock);
    const source: DocumentSource = {
      next: () => undefined,
      pause: () => undefined,
      close: () => {
        state.closed += 1;
      },
    };
    const open = (connectionId: number, session?: string, neverIdles = false): bigint =>
      cursors.add({
        namespace: 'd.c',
        source,
        owner: { connectionId, session },
        neverIdles,
        held: undefined,
        remainingMs: undefined,
      }).id;
    return { state, cursors, open };
  };

  it('cursors time out after ten idle minutes, and those that need not after thirty', () => {
    const { state, cursors, open } = make();
    const [first, second] = [open(1), open(1)];
    open(1, 's', true);
    state.now = 6 * MINUTES;
    cursors.release(cursors.take(second, 'd.c', undefined));
    state.now = 11 * MINUTES;
    cursors.expire();
    assert.equal(cursors.remove(first), false);
    assert.equal(cursors.size, 2);
    state.now = 29 * MINUTES;
    cursors.expire();
    assert.equal(cursors.size, 1);
    state.now = 31 * MINUTES;
    cursors.expire();
    assert.deepEqual([cursors.size, state.closed], [0, 3]);
  });

  it('sessions keep their cursors when they are refreshed, and take them along', () => {
    const { state, cursors, open } = make();
    open(1, 'a');
    open(1, 'b');
    state.now = 9 * MINUTES;
    cursors.refresh(new Set(['a']));
    state.now = 12 * MINUTES;
    cursors.expire();
    assert.equal(cursors.size, 1);
    cursors.endSessions(new Set(['a']));
    assert.deepEqual([cursors.size, state.closed], [0, 2]);
  });

  it('cursors of clients that vanished make room for those of others, the oldest first', () => {
    const { state, cursors, open } = make();
    const lost = open(7);
    for (let n = 1; n < 10_000; n++) open(n % 2 === 0 ? 7 : 8);
    assert.throws(() => open(9), { code: 8 });
    cursors.orphan(7);
    for (let n = 0; n < 5000; n++) open(9);
    assert.equal(cursors.remove(lost), false);
    assert.equal(state.closed, 5000);
    assert.throws(() => open(9), { code: 8 });
  });

  it('is bounded for all together, and given back', () => {
    const memory = new Memory(1000);
    const [one, other] = [memory.hold(), memory.hold()];
    one.add(600);
    assert.throws(() => other.add(500), { code: 292 });
    let isSpared = false;
    memory.onPressure = () => {
      if (isSpared) return false;
      isSpared = true;
      one.release();
      return true;
    };
    other.add(500);
    assert.equal(memory.held, 500);
    other.release();
    other.release();
    assert.equal(memory.held, 0);
  });
});
