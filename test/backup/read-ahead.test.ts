import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readAhead } from '../../lib/backup/read-ahead.ts';

describe('reading one thing ahead', () => {
  it('begins the next one before the last one is done with, and no further one', async () => {
    const log: string[] = [];
    const read = (thing: number): Promise<string> => {
      log.push(`read ${String(thing)}`);
      return Promise.resolve(`thing ${String(thing)}`);
    };
    for await (const [thing, result] of readAhead([1, 2, 3], read)) log.push(`${String(thing)} is ${result}`);
    assert.deepEqual(log, ['read 1', 'read 2', '1 is thing 1', 'read 3', '2 is thing 2', '3 is thing 3']);
  });

  it('throws where the turn of what failed comes, and nobody hears of what nobody came for', async () => {
    const met: number[] = [];
    const read = (thing: number): Promise<number> =>
      thing === 2 ? Promise.reject(new Error('no 2')) : Promise.resolve(thing);
    const all = async (): Promise<void> => {
      for await (const [thing] of readAhead([1, 2, 3], read)) met.push(thing);
    };
    await assert.rejects(all, /no 2/);
    assert.deepEqual(met, [1]);
    for await (const [thing] of readAhead([1, 2], read)) {
      assert.equal(thing, 1);
      break;
    }
    await new Promise((resolve) => setImmediate(resolve));
  });
});
