import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Database } from '../../lib/db/index.ts';
import { systemClock } from '../../lib/kernel/clock.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { openAdminTokenHash } from '../../lib/nodes/index.ts';
import { hashOf, loadAdminTokens, newAdminToken, type AdminTokens } from '../../workers/admin-token.ts';
import { openTestDatabase } from '../support/database.ts';
import { EVERY_ROW } from '../support/every-row.ts';

describe('the admin token', () => {
  let dataDir = '';
  let database: Database;
  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'eider-token-'));
    database = await openTestDatabase();
  });
  after(async () => {
    await database.close();
    await rm(dataDir, { recursive: true });
  });

  const load = (): Promise<AdminTokens> =>
    loadAdminTokens(openAdminTokenHash(database, systemClock), { dataDir, logger: silentLogger });

  it('is kept as a hash in the database, shown once, and counts on every node', async () => {
    const nodes = await Promise.all([load(), load(), load()]);
    const shown = nodes.flatMap(({ shownOnce }) => shownOnce ?? []);
    assert.equal(shown.length, 1, 'of nodes that start together one shows it');
    const [lasting = ''] = shown;
    assert.match(lasting, /^[0-9a-f]{64}$/);
    const kept = await database.db.collection('commonSecrets').find(EVERY_ROW).toArray();
    assert.ok(!JSON.stringify(kept).includes(lasting));
    const later = await load();
    assert.equal(later.shownOnce, undefined);
    for (const node of [...nodes, later]) {
      assert.ok(node.isAdmin(lasting));
      assert.ok(node.isAdmin(node.ofThisRun));
      assert.equal(node.isAdmin(later.ofThisRun), node === later, 'a token of another run');
      assert.equal(node.cursorSecret(), later.cursorSecret());
      for (const token of ['', 'x', lasting.slice(1), `${lasting} `, hashOf(lasting)]) assert.ok(!node.isAdmin(token));
    }
  });

  it('may be replaced; the one before is void then', async () => {
    const node = await load();
    const secret = node.cursorSecret();
    const next = newAdminToken();
    await openAdminTokenHash(database, systemClock).replace(hashOf(next));
    await node.refresh();
    assert.ok(node.isAdmin(next));
    assert.notEqual(node.cursorSecret(), secret);
  });

  it('is taken over from a data directory that kept its hash; a damaged one is not taken for none', async () => {
    await database.db.collection('commonSecrets').deleteMany(EVERY_ROW);
    const file = join(dataDir, 'admin-token.sha256');
    await writeFile(file, 'damaged');
    await assert.rejects(load(), /holds no hash/);
    const token = newAdminToken();
    await writeFile(file, `${hashOf(token)}\n`);
    const taken = await load();
    assert.equal(taken.shownOnce, undefined);
    assert.ok(taken.isAdmin(token));
    await rm(file);
    assert.ok((await load()).isAdmin(token));
  });
});
