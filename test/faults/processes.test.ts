import { describe, it } from 'node:test';
import { expectHolds, tableOf, type ExperimentResult } from './experiment.ts';
import { PROCESS_FAULTS } from './process-faults.ts';
import { chosenSeed } from './seeded-random.ts';

describe('faults of processes under load', () => {
  const results: ExperimentResult[] = [];
  for (const [n, experiment] of PROCESS_FAULTS.entries())
    it(experiment.name, { timeout: 200_000 }, async (t) => {
      results.push(...(await expectHolds(t, experiment, [chosenSeed(4711 + n)])));
    });
  it('as a table', (t) => {
    t.diagnostic(`\n${tableOf(results)}`);
  });
});
