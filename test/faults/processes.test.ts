import { experimentSuite } from './experiment.ts';
import { PROCESS_FAULTS } from './process-faults.ts';

experimentSuite('faults of processes under load', PROCESS_FAULTS, { firstSeed: 4711, runs: 1 });
