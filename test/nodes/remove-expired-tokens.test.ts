import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Accounts, User } from '../../lib/accounts/index.ts';
import { createAccessTokens } from '../../lib/auth/index.ts';
import { shardsOf } from '../../lib/jobs/job.ts';
import { newUserId } from '../../lib/kernel/ids.ts';
import { openTestDatabase } from '../support/database.ts';
import { EVERY_ROW } from '../support/every-row.ts';

it('tokens that have expired are removed, each part of the work its own, and no others', async () => {
  const database = await openTestDatabase();
  let now = 1_000_000;
  const tokens = createAccessTokens({
    database,
    // Never asked: nobody logs in here.
    accounts: {} as Accounts,
    clock: { now: () => now, monotonic: () => now },
    settings: { tokenLifetime: 1000, tokenMaxAge: 10_000 },
  });
  const count = (): Promise<number> => database.db.collection('accessTokens').countDocuments(EVERY_ROW);
  const user = (): User => ({ id: newUserId(), authVersion: 1 }) as User;
  for (let n = 0; n < 60; n += 1) await tokens.create(user());
  now += 500;
  for (let n = 0; n < 40; n += 1) await tokens.create(user());
  now += 500;
  const { signal } = new AbortController();
  const removed: number[] = [];
  for (const shard of shardsOf(4)) removed.push(await tokens.removeExpired(shard, signal));
  assert.equal(
    removed.reduce((sum, part) => sum + part),
    60,
  );
  assert.ok(
    removed.every((part) => part > 0),
    String(removed),
  );
  assert.equal(await count(), 40);
  now += 500;
  await assert.rejects(tokens.removeExpired({ from: '', to: undefined }, AbortSignal.abort(new Error('over'))), /over/);
  assert.equal(await count(), 40);
  assert.equal(await tokens.removeExpired({ from: '', to: undefined }, signal), 40);
  await database.close();
});
