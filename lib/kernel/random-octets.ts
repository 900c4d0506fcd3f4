import { randomFillSync } from 'node:crypto';

const POOL_OCTETS = 4096;

let pool = Buffer.alloc(0);
let taken = 0;

/**
 * Random octets for marks and tokens that have to differ, as good as `randomBytes` gives them, but drawn from the
 * system many at a time: a call for each costs more than the little that is wanted. Not for secrets: what lies beside
 * them in memory is others' tokens. @param count at most 64
 */
export function randomOctets(count: number): Buffer {
  if (taken + count > pool.length) {
    // A new one each time: what was given away is never written to again.
    pool = randomFillSync(Buffer.allocUnsafeSlow(POOL_OCTETS));
    taken = 0;
  }
  const octets = pool.subarray(taken, taken + count);
  taken += count;
  return octets;
}
