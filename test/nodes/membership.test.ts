import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Database } from '../../lib/db/index.ts';
import { systemClock } from '../../lib/kernel/clock.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import {
  createMembership,
  createNodes,
  newNodeId,
  openAdminTokenHash,
  type Membership,
} from '../../lib/nodes/index.ts';
import { openTestDatabase } from '../support/database.ts';
import { EVERY_ROW } from '../support/every-row.ts';

const load = { connections: new Map([['imap', 3]]), commandsPerSecond: 1.5, loopDelayMs: 2, memoryOctets: 1e8 };

describe('nodes', () => {
  let database: Database;
  let offsetMs = 0;
  const clock = { now: () => systemClock.now() + offsetMs, monotonic: () => systemClock.monotonic() };

  before(async () => {
    database = await openTestDatabase();
  });
  after(() => database.close());

  function member(host: string, pid: number, intervalMs = 60_000): Membership {
    const self = { id: newNodeId(), host, pid, version: '1.2.3', roles: ['imap', 'worker'] as const };
    return createMembership({ database, clock, logger: silentLogger, self, load: () => load, intervalMs });
  }

  it('show themselves, say that they drain, and are gone when they leave', async () => {
    const [one, two] = [member('b', 1), member('a', 2)];
    await one.join();
    await two.join();
    const nodes = createNodes({ database, clock });
    const shown = await nodes.list();
    assert.deepEqual(
      shown.map(({ host, pid, state, roles, version }) => ({ host, pid, state, roles, version })),
      [
        { host: 'a', pid: 2, state: 'alive', roles: ['imap', 'worker'], version: '1.2.3' },
        { host: 'b', pid: 1, state: 'alive', roles: ['imap', 'worker'], version: '1.2.3' },
      ],
    );
    const { connections, commandsPerSecond, loopDelayMs, memoryOctets } = shown[1] ?? load;
    assert.deepEqual({ connections, commandsPerSecond, loopDelayMs, memoryOctets }, load);
    await one.drain();
    assert.equal(one.isDraining, true);
    assert.deepEqual(
      (await nodes.list()).map(({ state }) => state),
      ['alive', 'draining'],
    );
    await one.leave();
    await two.leave();
    assert.deepEqual(await nodes.list(), []);
  });

  it('that say no goodbye are shown as gone for an hour and then removed by the others', async () => {
    const [dead, alive] = [member('dead', 1, 200_000_000), member('alive', 2, 20)];
    await dead.join();
    const nodes = createNodes({ database, clock });
    const stateOf = async (host: string): Promise<string | undefined> =>
      (await nodes.list()).find((node) => node.host === host)?.state;
    assert.equal(await stateOf('dead'), 'alive');
    offsetMs = 600_000_001;
    assert.equal(await stateOf('dead'), 'gone');
    offsetMs += 3_600_000;
    assert.equal(await stateOf('dead'), undefined);
    await alive.join();
    assert.equal(await database.db.collection('nodes').countDocuments(EVERY_ROW), 1);
    await alive.leave();
    offsetMs = 0;
  });

  it('renew their leases for as long as they live', async () => {
    const one = member('steady', 1, 10);
    await one.join();
    const nodes = createNodes({ database, clock });
    const first = (await nodes.list())[0]?.seenAt ?? 0;
    const seen = async (): Promise<number> => (await nodes.list())[0]?.seenAt ?? 0;
    while ((await seen()) <= first) await new Promise((resolve) => setTimeout(resolve, 5));
    await one.leave();
  });
});

describe('the admin token of all nodes', () => {
  it('is the one that was kept first, until it is replaced', async () => {
    const database = await openTestDatabase();
    const hash = openAdminTokenHash(database, systemClock);
    assert.equal(await hash.read(), undefined);
    assert.deepEqual(
      await Promise.all(['aa', 'bb', 'cc'].map((text) => hash.keep(text))).then((all) => new Set(all).size),
      1,
    );
    const kept = await hash.read();
    assert.equal(await hash.keep('dd'), kept);
    await hash.replace('ee');
    assert.equal(await hash.read(), 'ee');
    await database.close();
  });
});
