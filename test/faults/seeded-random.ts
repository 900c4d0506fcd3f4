import { randomInt } from 'node:crypto';

/** Numbers of one experiment, the same for the same seed. */
export interface SeededRandom {
  below(limit: number): number;
  pick<T>(from: readonly [T, ...T[]]): T;
  octets(count: number): Buffer;
}

export function seededRandom(seed: number): SeededRandom {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const below = (limit: number): number => next() % limit;
  return {
    below,
    pick: (from) => from[below(from.length)] as (typeof from)[0],
    octets: (count) => {
      const octets = Buffer.alloc(count);
      for (let at = 0; at < count; at += 1) octets[at] = next() & 0xff;
      return octets;
    },
  };
}

/** The seed that EIDER_TEST_SEED asks for, else the given one; `random` draws one. */
export function chosenSeed(fixed: number | 'random'): number {
  const asked = Number(process.env['EIDER_TEST_SEED']);
  if (Number.isInteger(asked) && asked > 0) return asked;
  return fixed === 'random' ? randomInt(1, 2 ** 31) : fixed;
}
