import { setTimeout as sleep } from 'node:timers/promises';
import type { Experiment } from './experiment.ts';

const LOAD = { lanes: 4, operationsPerLane: 24 };
const site = (probe: string, redis: 'running' | 'absent' = 'running') =>
  ({
    nodes: 2,
    layout: 'proxied',
    redis,
    settings: [
      'journal.commit-timeout=4s',
      'delivery.commit-timeout=6s',
      'journal.fold-records=24',
      `journal.probe-interval=${probe}`,
    ],
  }) as const;

/** Redis carries hints, which may all be lost: what it does to the nodes is make them slower to notice. */
export const REDIS_FAULTS: readonly Experiment[] = [
  {
    name: 'Redis as it should be',
    isLong: true,
    site: site('60s'),
    load: LOAD,
    // Long before the nodes would look by themselves.
    convergesWithinMs: 15_000,
    fault: async () => undefined,
  },
  {
    name: 'Redis absent at the start',
    site: site('4s', 'absent'),
    load: LOAD,
    convergesWithinMs: 60_000,
    fault: async (own, run) => {
      await run.moreAcknowledged(20);
      await own.redis.restart();
      return 'there later';
    },
  },
  {
    name: 'Redis killed',
    site: site('4s'),
    load: LOAD,
    convergesWithinMs: 60_000,
    fault: async (own, run) => {
      await run.moreAcknowledged(10);
      await own.redis.kill();
      return undefined;
    },
  },
  {
    name: 'Redis frozen',
    isLong: true,
    site: site('4s'),
    load: LOAD,
    convergesWithinMs: 60_000,
    fault: async (own, run) => {
      await run.moreAcknowledged(10);
      own.redis.freeze();
      await sleep(3000);
      own.redis.thaw();
      return '3 s';
    },
  },
  {
    name: 'Redis started again, empty',
    isLong: true,
    site: site('60s'),
    load: LOAD,
    convergesWithinMs: 60_000,
    fault: async (own, run) => {
      let restarts = 0;
      for (; restarts < 3 && !run.isLoadOver(); restarts += 1) {
        await run.moreAcknowledged(10);
        await own.redis.restart();
      }
      return `${String(restarts)} times`;
    },
  },
  {
    name: 'connections to Redis killed every 500 ms',
    site: site('60s'),
    load: LOAD,
    convergesWithinMs: 60_000,
    fault: async (own, run) => {
      let cuts = 0;
      for (; !run.isLoadOver(); cuts += 1) {
        own.redisProxy?.cutAll();
        await sleep(500);
      }
      return `${String(cuts)} times`;
    },
  },
];
