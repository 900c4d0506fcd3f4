import { setTimeout as sleep } from 'node:timers/promises';
import { enginePids } from '../embedded/engine-pids.ts';
import type { Experiment } from './experiment.ts';

const LOAD = { lanes: 6, operationsPerLane: 40 };
const SETTINGS = [
  'journal.commit-timeout=4s',
  'delivery.commit-timeout=6s',
  'journal.fold-records=24',
  'journal.probe-interval=2s',
];

/** Faults of the processes themselves, under the mixed load. */
export const PROCESS_FAULTS: readonly Experiment[] = [
  {
    name: 'a node killed and started again',
    site: { nodes: 3, settings: SETTINGS },
    load: LOAD,
    convergesWithinMs: 60_000,
    fault: async (site, run) => {
      for (let kills = 0; kills < 2; kills += 1) {
        await run.moreAcknowledged(20);
        await site.node(run.random.below(3)).kill();
        await run.moreAcknowledged(5);
        await site.start();
      }
      return '2 kills';
    },
  },
  {
    name: 'the engine killed',
    site: { nodes: 2, settings: SETTINGS },
    load: LOAD,
    convergesWithinMs: 60_000,
    fault: async (site, run) => {
      let kills = 0;
      for (; kills < 3; kills += 1) {
        await run.moreAcknowledged(15);
        for (const pid of await enginePids(site.engineDir)) process.kill(pid, 'SIGKILL');
        await sleep(100);
      }
      return `${String(kills)} kills`;
    },
  },
  {
    name: 'a node frozen for a while',
    site: { nodes: 3, settings: SETTINGS },
    load: LOAD,
    convergesWithinMs: 60_000,
    fault: async (site, run) => {
      await run.moreAcknowledged(20);
      const node = site.node(1);
      node.freeze();
      await sleep(3000);
      node.thaw();
      return '3 s';
    },
  },
  {
    name: 'SIGTERM under load',
    site: { nodes: 3, settings: SETTINGS },
    load: LOAD,
    convergesWithinMs: 60_000,
    fault: async (site, run) => {
      await run.moreAcknowledged(20);
      const node = site.node(1);
      const begun = performance.now();
      const code = await node.server.stop();
      const spent = performance.now() - begun;
      run.ledger.checks.that('I14', code === 0, () => `SIGTERM ends it with ${String(code)}`);
      run.ledger.checks.that('I14', spent < 10_000, () => `SIGTERM takes ${spent.toFixed(0)} ms`);
      return `ended after ${spent.toFixed(0)} ms`;
    },
  },
];

/** Those that take minutes. */
export const LONG_PROCESS_FAULTS: readonly Experiment[] = [
  {
    name: 'the engine killed 30 times',
    site: { nodes: 3, settings: SETTINGS },
    load: { lanes: 8, operationsPerLane: 400 },
    convergesWithinMs: 60_000,
    fault: async (site, run) => {
      let kills = 0;
      for (; kills < 30; kills += 1) {
        await run.moreAcknowledged(20 + run.random.below(40));
        for (const pid of await enginePids(site.engineDir)) process.kill(pid, 'SIGKILL');
      }
      return `${String(kills)} kills`;
    },
  },
  {
    name: 'a node frozen for 90 s',
    site: { nodes: 3, settings: SETTINGS },
    load: { lanes: 6, operationsPerLane: 200 },
    convergesWithinMs: 60_000,
    fault: async (site, run) => {
      await run.moreAcknowledged(20);
      const node = site.node(1);
      node.freeze();
      await sleep(90_000);
      node.thaw();
      return '90 s';
    },
  },
];
