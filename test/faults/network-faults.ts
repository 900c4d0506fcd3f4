import { setTimeout as sleep } from 'node:timers/promises';
import { USER, type Experiment, type FaultRun } from './experiment.ts';
import { hintNoise } from './hint-noise.ts';
import type { ProxyFault } from './net-proxy.ts';
import type { Site, SiteNode } from './site.ts';

const UPKEEP = ['journal.fold-records=24', 'journal.probe-interval=1s'];
const SETTINGS = ['journal.commit-timeout=4s', 'delivery.commit-timeout=6s', ...UPKEEP];
const LOAD = { lanes: 4, operationsPerLane: 24 };
const PROXIED = { nodes: 2, layout: 'proxied', settings: SETTINGS } as const;

/** Sets the fault on one node's way to the database for so long, then lets it end. */
async function lasting(node: SiteNode, fault: ProxyFault, ms: number): Promise<void> {
  if (node.proxy === undefined) throw new Error('the site is not proxied');
  node.proxy.fault = fault;
  await sleep(ms);
  node.proxy.fault = { kind: 'none' };
}

/** So often at most: each time costs the nodes up to half a second, and the load goes on without it. */
const MOST_TIMES = 60;

async function whileLoaded(run: FaultRun, work: () => Promise<void>): Promise<number> {
  let times = 0;
  for (; !run.isLoadOver() && times < MOST_TIMES; times += 1) await work();
  return times;
}

/** What the driver sends to insert a record of the user's journal. */
async function journalInsertOf(site: Site, username: string): Promise<readonly Buffer[]> {
  return site.withStore(async ({ accounts }) => {
    const found = (await accounts.list({ limit: 100 })).find((user) => user.username === username);
    if (found === undefined) throw new Error(`no user ${username}`);
    return [Buffer.from('\x02insert\0\x08\0\0\0journal\0'), Buffer.from(found.account, 'hex')];
  });
}

const between = (site: Site, n: number): SiteNode => site.node(n);

/** Faults of what lies between nodes and their database, and between nodes. */
export const NETWORK_FAULTS: readonly Experiment[] = [
  {
    name: 'no hint ever arrives',
    isLong: true,
    site: PROXIED,
    load: LOAD,
    convergesWithinMs: 10_000,
    fault: async () => undefined,
  },
  {
    name: 'hints doubled, reordered, forged; junk',
    site: { nodes: 3, settings: [...SETTINGS, 'journal.probe-interval=60s'] },
    load: LOAD,
    convergesWithinMs: 60_000,
    fault: async (site, run) => `${String(await hintNoise(site, run.random, run.isLoadOver))} hints`,
  },
  {
    name: 'sessions opened amid deliveries',
    isLong: true,
    site: { nodes: 3, settings: [...SETTINGS, 'journal.probe-interval=60s'] },
    load: LOAD,
    convergesWithinMs: 10_000,
    fault: async (_, run) => {
      let opened = 0;
      for (; opened < 12 && !run.isLoadOver(); opened += 1) {
        await run.addIdler(run.random.below(3));
        await sleep(run.random.below(60));
      }
      return `${String(opened)} sessions`;
    },
  },
  {
    name: 'database connections cut',
    site: PROXIED,
    load: LOAD,
    convergesWithinMs: 60_000,
    fault: async (site, run) => {
      const cuts = await whileLoaded(run, async () => {
        await sleep(150 + run.random.below(200));
        between(site, run.random.below(2)).proxy?.cutAll();
      });
      return `${String(cuts)} cuts`;
    },
  },
  {
    name: 'database replies cut off',
    site: PROXIED,
    load: LOAD,
    convergesWithinMs: 60_000,
    fault: async (site, run) => {
      const cuts = await whileLoaded(run, async () => {
        await sleep(50 + run.random.below(100));
        const cut = between(site, run.random.below(2)).proxy?.cutNextReply(run.random.below(64));
        await Promise.race([cut, sleep(1000)]);
      });
      return `${String(cuts)} cuts`;
    },
  },
  {
    name: 'database slow to answer',
    isLong: true,
    site: PROXIED,
    load: LOAD,
    convergesWithinMs: 60_000,
    fault: async (site, run) => {
      await run.moreAcknowledged(5);
      await Promise.all([
        lasting(between(site, 0), { kind: 'delay', ms: 40 }, 2500),
        lasting(between(site, 1), { kind: 'throttle', octetsPerSecond: 40_000 }, 2500),
      ]);
      return '40 ms, 40 kB/s';
    },
  },
  {
    name: 'database in a black hole',
    site: PROXIED,
    load: LOAD,
    convergesWithinMs: 60_000,
    fault: async (site, run) => {
      await run.moreAcknowledged(10);
      await lasting(between(site, 0), { kind: 'black-hole' }, 7000);
      return '7 s at one node';
    },
  },
  {
    name: 'database hears and is not heard',
    isLong: true,
    site: { ...PROXIED, settings: ['journal.commit-timeout=2s', 'delivery.commit-timeout=2s', ...UPKEEP] },
    load: LOAD,
    convergesWithinMs: 60_000,
    fault: async (site, run) => {
      const insert = await journalInsertOf(site, USER);
      let times = 0;
      for (; times < 3 && !run.isLoadOver(); times += 1) {
        await run.moreAcknowledged(5);
        const node = between(site, 0);
        await Promise.race([node.proxy?.muteAfter(insert), run.moreAcknowledged(Number.MAX_SAFE_INTEGER)]);
        await sleep(3000);
        if (node.proxy !== undefined) node.proxy.fault = { kind: 'none' };
      }
      return `${String(times)} times 3 s at one node`;
    },
  },
  {
    name: 'database out of reach',
    isLong: true,
    site: PROXIED,
    load: LOAD,
    convergesWithinMs: 60_000,
    fault: async (site, run) => {
      await run.moreAcknowledged(10);
      const node = between(site, 1);
      node.proxy?.cutAll();
      await lasting(node, { kind: 'refuse' }, 3000);
      return '3 s at one node';
    },
  },
];
