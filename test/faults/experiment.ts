import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, it, type TestContext } from 'node:test';
import { FlagRace } from './flag-race.ts';
import { randomOperations, type Operation } from './lane-operations.ts';
import { Lane } from './lane.ts';
import { Checks, INVARIANTS, Ledger } from './ledger.ts';
import { convergence, CounterWatch, Idler, newsFromEachNode } from './observers.ts';
import { chosenSeed, seededRandom, type SeededRandom } from './seeded-random.ts';
import { Site, type SiteOptions } from './site.ts';
import { verifyGarbage, verifyMail, verifyProcesses, verifyStore } from './verify.ts';

/** A fault experiment as data. */
export interface Experiment {
  readonly name: string;
  /** Left to the long run, where it is told apart by little from another. */
  readonly isLong?: true;
  readonly site: SiteOptions;
  readonly load: {
    readonly lanes: number;
    readonly operationsPerLane: number;
  };
  /** Does its damage while the load runs; what it returns is printed beside the name. */
  readonly fault: (site: Site, run: FaultRun) => Promise<string | undefined>;
  /** How soon every idling client knows all once the fault is over, in milliseconds. */
  readonly convergesWithinMs: number;
}

export interface FaultRun {
  readonly random: SeededRandom;
  readonly ledger: Ledger;
  readonly isLoadOver: () => boolean;
  /** Resolves once so many operations were acknowledged since the call, or the load is over. */
  moreAcknowledged(count: number): Promise<void>;
  /** One more idling client; it too must know all in the end. */
  addIdler(node: number): Promise<void>;
}

export interface ExperimentResult {
  readonly name: string;
  readonly seed: number;
  readonly checks: Checks;
  readonly counts: string;
  /** Lines of the logs that tell of errors. */
  readonly errors?: readonly string[];
}

/** Whose mail the load works on. */
export const USER = 'faults';
const SHARED_ATTACHMENTS = 3;
/** For one run; each operation at a frozen node takes as long as a client waits. */
const PATIENCE_MS = 480_000;
/** Sessions that replace the flags of one message. */
const RACERS = 2;

/** Of a user whose mailbox is full, so that one message has answers of two kinds. */
async function fullAddress(site: Site): Promise<string> {
  await site.createUser(`${USER}-full`, { quota: 100 });
  return `${USER}-full@example.com`;
}

/** Runs one experiment with one seed. */
async function runExperiment(
  experiment: Experiment,
  seed: number,
  operations = plan(experiment, seed),
): Promise<ExperimentResult> {
  const random = seededRandom(seed ^ 0x5eed);
  const checks = new Checks();
  const ledger = new Ledger(checks);
  const site = await Site.open(experiment.site);
  const observers: { stop(): Promise<void> }[] = [];
  try {
    const userId = await site.createUser(USER);
    const full = await fullAddress(site);
    const shared = Array.from({ length: SHARED_ATTACHMENTS }, () => random.octets(40_000));
    const descriptors = new Map<string, number>();
    for (const node of site.nodes) {
      // What a node opens once and keeps is open by now.
      const warm = await node.imap(USER);
      await warm.ok('SELECT INBOX');
      await warm.logout();
    }
    const idlers = site.nodes.map((_, n) => new Idler(site, checks, USER, n));
    const lanes = operations.map((_, lane) => new Lane({ site, ledger, username: USER, userId, lane, shared, full }));
    for (const node of site.nodes) descriptors.set(node.name, (await node.descriptors()) + SPARE_DESCRIPTORS);
    const watch = new CounterWatch(site, checks, USER);
    const race = new FlagRace(site, checks, `${USER}-race`);
    observers.push(watch, race, ...idlers);
    await race.start(RACERS);
    await Promise.all(idlers.map((idler) => idler.start()));
    watch.start();
    let isOver = false;
    const load = Promise.all(lanes.map((lane, n) => lane.run(operations[n] ?? []))).finally(() => (isOver = true));
    const told = experiment.fault(site, {
      random,
      ledger,
      isLoadOver: () => isOver,
      moreAcknowledged: async (count) => {
        const wanted = ledger.count('acknowledged') + count;
        while (!isOver && ledger.count('acknowledged') < wanted) await sleep(5);
      },
      addIdler: async (node) => {
        const idler = new Idler(site, checks, USER, node);
        idlers.push(idler);
        observers.push(idler);
        await idler.start();
      },
    });
    await load;
    const note = await told;
    await Promise.all(lanes.map((lane) => lane.retryDeliveries()));
    // Their own questions would have the nodes look.
    await watch.stop();
    await race.stop();
    const converged = await convergence(site, checks, USER, idlers, experiment.convergesWithinMs);
    const [first] = lanes;
    if (first !== undefined)
      await newsFromEachNode(site, checks, USER, idlers, experiment.convergesWithinMs, (node) => first.appendAt(node));
    await Promise.all(idlers.map((idler) => idler.stop()));
    for (const lane of lanes) lane.close();
    for (const n of site.nodes.keys()) await verifyMail(site, ledger, USER, n);
    await race.verify();
    await verifyStore(site, checks);
    await verifyGarbage(site, checks);
    await verifyMail(site, ledger, USER);
    await verifyProcesses(site.all, checks, descriptors);
    for (const node of site.nodes) {
      const code = await node.server.stop();
      checks.that('I14', code === 0, () => `${node.name} ended with ${String(code)}: ${node.log().slice(-1000)}`);
    }
    const [done, refused, unknown] = (['acknowledged', 'refused', 'unknown'] as const).map((outcome) =>
      String(ledger.count(outcome)),
    );
    return {
      name: experiment.name,
      seed,
      checks,
      errors: site.all.flatMap((node) => node.log().split('\n')).filter((line) => line.includes('"level":"error"')),
      counts: `${done ?? ''} acknowledged, ${refused ?? ''} refused, ${unknown ?? ''} unknown, converged in ${converged.toFixed(0)} ms${note === undefined ? '' : `; ${note}`}`,
    };
  } finally {
    // Where something was thrown they still look, and would for ever.
    await Promise.all(observers.map((observer) => observer.stop()));
    await site.close();
  }
}

/** The pool of the driver and the connections of hints come and go. */
const SPARE_DESCRIPTORS = 24;

function plan(experiment: Experiment, seed: number): Operation[][] {
  const random = seededRandom(seed);
  return Array.from({ length: experiment.load.lanes }, () =>
    randomOperations(random, experiment.load.operationsPerLane),
  );
}

/**
 * Runs the experiment once for each seed. Where a promise is broken, tries with ever less of the load as long as that
 * breaks one too, and fails with the seed and the least load found.
 */
async function expectHolds(
  t: TestContext,
  experiment: Experiment,
  seeds: readonly number[],
  shrinkMs = 60_000,
): Promise<ExperimentResult[]> {
  const results: ExperimentResult[] = [];
  for (const seed of seeds) {
    const result = await runExperiment(experiment, seed);
    results.push(result);
    t.diagnostic(`${experiment.name}, seed ${String(seed)}: ${result.counts}`);
    if (result.checks.broken.length === 0) continue;
    const least =
      process.env['EIDER_TEST_SHRINK'] === '0' ? [] : await shrink(experiment, seed, performance.now() + shrinkMs);
    throw new Error(
      `${experiment.name} breaks a promise; again by EIDER_TEST_SEED=${String(seed)}\n${brokenText(result.checks)}\n` +
        `${(result.errors ?? []).slice(0, 5).join('\n')}\n` +
        `least load that breaks one, by lane:\n${least.map((lane) => JSON.stringify(lane)).join('\n')}`,
    );
  }
  return results;
}

export function brokenText({ broken }: Checks): string {
  return broken
    .slice(0, 12)
    .map(({ invariant, what }) => `${invariant}: ${what.slice(0, 1500)}`)
    .join('\n');
}

/** Takes away halves, then quarters, of each lane's operations while a promise is broken still. */
async function shrink(experiment: Experiment, seed: number, until: number): Promise<Operation[][]> {
  let least = plan(experiment, seed);
  for (let pieces = 2; pieces <= 8; pieces *= 2) {
    for (let piece = 0; piece < pieces; piece += 1) {
      if (performance.now() > until) return least;
      const fewer = least.map((lane) => lane.filter((_, n) => Math.floor((n * pieces) / lane.length) !== piece));
      const isBroken = await runExperiment(experiment, seed, fewer).then(
        ({ checks }) => checks.broken.length > 0,
        () => false,
      );
      if (isBroken) least = fewer;
    }
  }
  return least;
}

/** A table fault × invariants × runs: how often each invariant was held against what is there; a dot: not by this one. */
export function tableOf(results: readonly ExperimentResult[]): string {
  const names = [...new Set(results.map(({ name }) => name))];
  const width = Math.max(5, ...names.map((name) => name.length));
  const line = (name: string, runs: string, cells: readonly string[]): string =>
    `${name.padEnd(width)} ${runs.padStart(4)} ${cells.map((cell) => cell.padStart(6)).join('')}`;
  const rows = names.map((name) => {
    const own = results.filter((result) => result.name === name);
    const cells = INVARIANTS.map((invariant) => {
      const made = own.reduce((sum, { checks }) => sum + (checks.made.get(invariant) ?? 0), 0);
      const broken = own.reduce(
        (sum, { checks }) => sum + checks.broken.filter((one) => one.invariant === invariant).length,
        0,
      );
      return broken > 0 ? `!${String(broken)}` : made === 0 ? '.' : String(made);
    });
    return line(name, String(own.length), cells);
  });
  return [line('fault', 'runs', INVARIANTS), ...rows].join('\n');
}

/** A test for each experiment, and the table of all of them. */
export function experimentSuite(
  name: string,
  experiments: readonly Experiment[],
  {
    firstSeed,
    runs,
    skip = false,
  }: { readonly firstSeed: number | 'random'; readonly runs: number; readonly skip?: string | false },
): void {
  describe(name, { skip }, () => {
    const results: ExperimentResult[] = [];
    for (const [n, experiment] of experiments.entries())
      it(experiment.name, { timeout: PATIENCE_MS * runs }, async (t) => {
        const first = chosenSeed(firstSeed === 'random' ? firstSeed : firstSeed + n);
        const wanted = Number(process.env['EIDER_TEST_RUNS'] ?? runs);
        const seeds = Array.from({ length: wanted }, (_, run) => first + run);
        results.push(...(await expectHolds(t, experiment, seeds)));
      });
    it('as a table', (t) => {
      t.diagnostic(`\n${tableOf(results)}`);
    });
  });
}
