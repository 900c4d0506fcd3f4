import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { openDatabase } from '../../lib/db/index.ts';
import { ApiClient } from '../support/api-client.ts';
import { startFarm, withoutFarm, type Farm, type FarmOptions } from '../support/node-farm.ts';
import { processTree } from '../support/process-tree.ts';
import { Load, PASSWORD, spread, type Outages } from './nodes-load.ts';

const skip = await withoutFarm();
const docdb = process.env['EIDER_TEST_DOCDB'];

const ROLES = ['imap', 'pop3', 'lmtp', 'api', 'worker'] as const;
const CLIENTS = 200;
const POP3_CLIENTS = 30;
const USERS = 40;
/** Commands a second of all IMAP clients together, at least. */
const RATE = 50;

/** Asks the API for a user again and again; what goes wrong is counted, and how long it went wrong. */
class Poller {
  failures = 0;
  longestMs = 0;
  odd: string[] = [];
  #isOver = false;
  readonly #running: Promise<void>;

  constructor(farm: Farm, user: string) {
    this.#running = this.#poll(new ApiClient(farm.api, farm.root.token), user);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  take(): string {
    const text = `${String(this.failures)} failures, ${this.longestMs.toFixed(0)} ms`;
    this.failures = 0;
    this.longestMs = 0;
    return text;
  }

  async #poll(client: ApiClient, user: string): Promise<void> {
    let failingSince: number | undefined;
    while (!this.#isOver) {
      try {
        const { status } = await client.call('GET', `/users/${user}`);
        if (status === 404) this.odd.push('a user was not found');
        if (status !== 200) throw new Error(String(status));
        if (failingSince !== undefined) this.longestMs = Math.max(this.longestMs, performance.now() - failingSince);
        failingSince = undefined;
      } catch {
        this.failures += 1;
        failingSince ??= performance.now();
      }
      await wait(50);
    }
  }
}

async function run(t: TestContext, options: FarmOptions): Promise<void> {
  const farm = await startFarm(options);
  try {
    const users = Array.from({ length: USERS }, (_, n) => `many${String(n)}`);
    let id = '';
    for (const user of users) id = await farm.root.createUser(user, PASSWORD, { address: `${user}@example.com` });
    const load = new Load({
      farm,
      users,
      imapClients: CLIENTS,
      pop3Clients: POP3_CLIENTS,
      lmtpLanes: 8,
      pauseMs: 3000,
      deliveryPauseMs: 200,
    });
    const poller = new Poller(farm, id);
    await load.allConnected();
    load.take();
    load.pop3.take();
    await wait(10_000);
    const steady = load.take();
    const steadyPop3 = load.pop3.take();
    const rate = (steady.commands * 1000) / steady.ms;
    const header = [
      ...['killed', 'clients cut off', 'without a connection p50 / p99 / max', 'POP3 clients, the same'],
      ...['gap in deliveries', 'API'],
    ];
    const table: (readonly string[])[] = [header];
    const note = (name: string, outages: Outages, pop3 = load.pop3.take()): void => {
      const { reconnects, longestDeliveryGapMs } = outages;
      const gap = `${longestDeliveryGapMs.toFixed(0)} ms`;
      table.push([name, String(reconnects.length), spread(reconnects), spread(pop3.reconnects), gap, poller.take()]);
    };
    note('nothing', steady, steadyPop3);
    const settle = async (): Promise<void> => {
      const deliveries = load.deliveries;
      await wait(3000);
      await load.allConnected();
      while (load.deliveries === deliveries) await wait(50);
    };
    for (const node of farm.nodes) {
      await node.kill();
      await settle();
      note(node.name, load.take());
      await node.start();
      await wait(1500);
    }
    await farm.redis.kill();
    await settle();
    note('redis', load.take());
    await farm.redis.restart();
    if (options.database === undefined) {
      const trees = await Promise.all(farm.nodes.map(({ pid }) => processTree(pid)));
      for (const pid of new Set(trees.flatMap((tree) => tree.slice(1)))) process.kill(pid, 'SIGKILL');
      await settle();
      note('engine', load.take());
    }
    for (const node of farm.nodes.filter(({ roles }) => /imap|pop3|lmtp/.test(roles.join()))) {
      assert.equal(await node.stop(), 0, node.log());
      await settle();
      note(`${node.name} (SIGTERM)`, load.take());
      await node.start();
      await wait(1500);
    }
    await Promise.all([load.stop(), poller.stop()]);
    const widths = header.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
    for (const row of table) t.diagnostic(row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
    t.diagnostic(`${String(CLIENTS)} IMAP clients, ${rate.toFixed(0)} commands a second while nothing was killed`);
    const popRate = (steadyPop3.commands * 1000) / steady.ms;
    t.diagnostic(
      `${String(POP3_CLIENTS)} POP3 clients, ${popRate.toFixed(0)} commands a second; ${String(load.pop3.retrieved)} messages by RETR compared`,
    );
    const faults = await load.verify();
    t.diagnostic(
      `${String(load.acknowledged)} messages acknowledged, ${String(faults.length)} lost, doubled or changed`,
    );
    assert.deepEqual(faults, []);
    assert.deepEqual([...load.odd, ...poller.odd], []);
    assert.ok(rate >= RATE, `${rate.toFixed(1)} commands a second`);
  } finally {
    await farm.close();
  }
}

describe('two of each process behind HAProxy, each killed in turn under load', { skip }, () => {
  const nodes = [...ROLES, ...ROLES].map((role) => [role]);

  it('on one embedded engine', { timeout: 900_000 }, (t) => run(t, { nodes }));

  it(
    'on another server of the protocol (EIDER_TEST_DOCDB)',
    { timeout: 1_800_000, skip: docdb === undefined ? 'no connection string is given' : false },
    async (t) => {
      const name = `eider-test-farm-${randomBytes(6).toString('hex')}`;
      try {
        await run(t, { nodes, database: { uri: docdb ?? '', name } });
      } finally {
        const database = await openDatabase({ uri: docdb ?? '', name });
        await database.db.dropDatabase();
        await database.close();
      }
    },
  );
});
