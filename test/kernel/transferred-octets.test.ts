import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { getHeapStatistics } from 'node:v8';
import { TransferredOctets } from '../../lib/kernel/transferred-octets.ts';

const MIB = 1024 * 1024;

/** By how much the octets outside of V8's heap rise and fall, in MiB, while messages pass, `held` of them at a time. */
function gathered(messages: number, held: number): number {
  const transferred = new TransferredOctets();
  const ring: Buffer[] = [];
  const outside: number[] = [];
  for (let at = 0; at < messages; at += 1) {
    ring[at % held] = Buffer.allocUnsafeSlow(MIB);
    transferred.add(MIB);
    outside.push(getHeapStatistics().external_memory);
  }
  return (Math.max(...outside) - Math.min(...outside)) / MIB;
}

describe('octets that have passed through', () => {
  for (const [held, limit] of [
    [1, 8],
    // Held for four collections of the young generation, each of them is old when it is dropped.
    [8, 32],
  ] as const) {
    it(`${held} MiB of messages at a time leave at most ${limit} MiB in memory`, (t) => {
      const most = gathered(400, held);
      t.diagnostic(`${most.toFixed(1)} MiB`);
      assert.ok(most > 0 && most < limit, `${most.toFixed(1)} MiB`);
    });
  }
});
