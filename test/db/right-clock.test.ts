import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { requireRightClock, type Database } from '../../lib/db/index.ts';
import { systemClock, type Clock } from '../../lib/kernel/clock.ts';
import { byARightClock } from '../../workers/jobs/by-a-right-clock.ts';
import { openTestDatabase } from '../support/database.ts';

const HOUR_MS = 60 * 60 * 1000;
const offBy = (ms: number): Clock => ({ ...systemClock, now: () => systemClock.now() + ms });

describe('work that removes what is old', () => {
  let database: Database;
  before(async () => {
    database = await openTestDatabase();
  });
  after(() => database.close());

  for (const hours of [0, 0.9, -0.9])
    it(`is done where the clock is off by ${String(hours)} h`, () =>
      requireRightClock(database, offBy(hours * HOUR_MS)));

  for (const hours of [1.1, 31 * 24, -1.1])
    it(`is refused for now where the clock is off by ${String(hours)} h`, async () => {
      const off = offBy(hours * HOUR_MS);
      await assert.rejects(requireRightClock(database, off), { code: 'unavailable', message: /\d+ s apart/ });
      const runs: string[] = [];
      const job = {
        name: 'removing',
        everyMs: 1,
        shards: 1,
        run: async () => {
          runs.push('run');
          return {};
        },
      };
      const context = { shard: { from: '', to: undefined }, signal: new AbortController().signal };
      await assert.rejects(byARightClock(database, off, job).run(context as never), { code: 'unavailable' });
      assert.deepEqual(runs, []);
      await byARightClock(database, systemClock, job).run(context as never);
      assert.deepEqual(runs, ['run']);
    });
});
