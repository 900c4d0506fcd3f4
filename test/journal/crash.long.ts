import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Database } from '../../lib/db/index.ts';
import { openTestDatabase } from '../support/database.ts';
import { playAll } from './crash-scenario.ts';

let database: Database;

before(async () => {
  database = await openTestDatabase();
});

after(() => database.close());

describe('a process that dies at any of its writes', () => {
  it('leaves what the next one goes on from as if nothing had been: each write is cut off in all three ways', async () => {
    const { steps, runs } = await playAll(database, () => true);
    assert.ok(steps > 25 && runs === steps * 3, `${runs} runs of ${steps} steps`);
  });
});
