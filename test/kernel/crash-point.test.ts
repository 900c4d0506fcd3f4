import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { armCrashPoint, armedCrashPoint, crashPoint } from '../../lib/kernel/crash-point.ts';

describe('a crash point', () => {
  afterEach(() => {
    armCrashPoint(undefined, () => undefined);
  });

  /** How often the process would have died at each passage. */
  function passages(spec: string, passed: readonly (readonly [name: string, what?: string])[]): number[] {
    let kills = 0;
    armCrashPoint(spec, () => (kills += 1));
    return passed.map(([name, what]) => {
      const before = kills;
      crashPoint(name, what === undefined ? undefined : () => what);
      return kills - before;
    });
  }

  it('kills once, where its name is met for the so-manieth time', () => {
    for (const [spec, passed, kills] of [
      ['a.b', [['a'], ['a.b.c'], ['a.b'], ['a.b']], [0, 0, 1, 0]],
      ['a.b:3', [['a.b'], ['a.b'], ['c'], ['a.b'], ['a.b']], [0, 0, 0, 1, 0]],
      ['a.b/move', [['a.b'], ['a.b', 'copy'], ['a.b', 'move']], [0, 0, 1]],
      [
        'a.b/move:2',
        [
          ['a.b', 'move'],
          ['a.b', 'copy'],
          ['a.b', 'move'],
        ],
        [0, 0, 1],
      ],
      ['a.b', [['a.b', 'move']], [1]],
      ['', [['a.b'], ['']], [0, 0]],
    ] as const)
      assert.deepEqual(passages(spec, passed), kills, spec);
  });

  it('is named as NAME[/WHAT][:NTH] and no other way', () => {
    for (const spec of ['A', 'a b', 'a:0', 'a:x', 'a/', 'a/b/c', ':1', 'a:1:2'])
      assert.throws(() => armCrashPoint(spec, () => undefined), RangeError, spec);
    armCrashPoint('a/b:2', () => undefined);
    assert.equal(armedCrashPoint(), 'a/b:2');
    armCrashPoint(undefined, () => undefined);
    assert.equal(armedCrashPoint(), undefined);
  });
});
