import { experimentSuite } from './experiment.ts';
import { LONG_PROCESS_FAULTS, PROCESS_FAULTS } from './process-faults.ts';

experimentSuite('faults of processes under load', PROCESS_FAULTS, { firstSeed: 'random', runs: 5 });
experimentSuite('long faults of processes under load', LONG_PROCESS_FAULTS, { firstSeed: 'random', runs: 1 });
