import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createUserTransfer } from '../../lib/accounts/index.ts';
import type { Database } from '../../lib/db/index.ts';
import { openTestDatabase } from '../support/database.ts';

const idOf = (n: number): string => n.toString(16).padStart(24, '0');

describe('what restores hold of users', () => {
  let database: Database;
  before(async () => {
    database = await openTestDatabase();
  });
  after(() => database.close());

  it('is found wherever it stands among many users', async () => {
    const claimed = new Map([
      [0, false],
      [499, true],
      [500, false],
      [1200, true],
    ]);
    await database.db.collection<{ _id: string }>('users').insertMany(
      Array.from({ length: 1201 }, (_, n) => {
        const isRemoving = claimed.get(n);
        return {
          _id: idOf(n),
          username: `user${n}`,
          ...(isRemoving === undefined ? {} : { restoring: { id: `claim${n}`, account: `account${n}` } }),
          ...(isRemoving === true ? { isRemoving } : {}),
        };
      }),
    );
    const found: unknown[] = [];
    for await (const claim of createUserTransfer(database).readClaims()) found.push(claim);
    assert.deepEqual(
      found,
      [...claimed].map(([n, isRemoving]) => ({
        user: idOf(n),
        username: `user${n}`,
        claim: { id: `claim${n}`, account: `account${n}` },
        isLiving: !isRemoving,
      })),
    );
  });
});
