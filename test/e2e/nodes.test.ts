import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { runEider } from '../support/eider-command.ts';
import { startFarm, withoutFarm, type FarmNode } from '../support/node-farm.ts';
import { Load, PASSWORD, spread } from './nodes-load.ts';

const skip = await withoutFarm();

describe('several processes behind HAProxy, one Redis', { skip }, () => {
  it(
    'a killed one of each loses nothing that was acknowledged; a drained one ends with 0',
    { timeout: 120_000 },
    async (t) => {
      const farm = await startFarm({
        nodes: [['imap', 'pop3'], ['imap', 'pop3'], ['lmtp'], ['lmtp'], ['api', 'worker']],
      });
      try {
        const users = Array.from({ length: 5 }, (_, n) => `many${String(n)}`);
        for (const user of users) await farm.root.createUser(user, PASSWORD, { address: `${user}@example.com` });
        const load = new Load({
          farm,
          users,
          imapClients: 20,
          pop3Clients: 4,
          lmtpLanes: 2,
          pauseMs: 60,
          deliveryPauseMs: 30,
        });
        await load.allConnected();
        const nodeOf = (role: 'imap' | 'lmtp', index: number): FarmNode => {
          const node = farm.nodes.filter(({ roles }) => roles.includes(role))[index];
          assert.ok(node);
          return node;
        };
        const proceed = async (): Promise<void> => {
          const wanted = load.acknowledged + 30;
          while (load.acknowledged < wanted) await wait(10);
        };
        await proceed();
        for (const role of ['imap', 'lmtp'] as const) {
          load.take();
          await nodeOf(role, 0).kill();
          await proceed();
          await load.allConnected();
          const { reconnects, longestDeliveryGapMs } = load.take();
          t.diagnostic(
            `${role} killed: without a connection ${spread(reconnects)}, longest gap between deliveries ${longestDeliveryGapMs.toFixed(0)} ms`,
          );
          await nodeOf(role, 0).start();
        }
        for (const role of ['imap', 'lmtp'] as const) {
          assert.equal(await nodeOf(role, 1).stop(), 0, nodeOf(role, 1).log());
          await proceed();
        }
        await load.allConnected();

        const { stdout } = await runEider(['status', '--json', '--data-dir', farm.dataDir]);
        const { nodes, jobs } = JSON.parse(stdout) as {
          nodes: { roles: string[]; state: string; connections: Record<string, number> }[];
          jobs: { job: string }[];
        };
        const alive = nodes.filter(({ state }) => state === 'alive').map(({ roles }) => roles.join('+'));
        for (const roles of ['imap+pop3', 'lmtp', 'api+worker']) assert.ok(alive.includes(roles), stdout);
        assert.ok(jobs.some(({ job }) => job === 'sweep-messages'));
        assert.match((await runEider(['status', '--data-dir', farm.dataDir])).stdout, /sweep-messages +1\/1/);
        const shown = await farm.root.ok('GET', '/nodes');
        assert.ok((shown.body['results'] as unknown[]).length >= 3);

        await load.stop();
        assert.deepEqual(load.odd, []);
        assert.deepEqual(await load.verify(), []);
        assert.ok(load.pop3.retrieved > 0);
        t.diagnostic(`${String(load.acknowledged)} messages acknowledged, none lost, none doubled`);
      } finally {
        await farm.close();
      }
    },
  );
});
