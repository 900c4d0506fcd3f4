import { experimentSuite } from './experiment.ts';
import { NETWORK_FAULTS } from './network-faults.ts';

experimentSuite(
  'faults of the network under load',
  NETWORK_FAULTS.filter(({ isLong }) => isLong !== true),
  { firstSeed: 300, runs: 1 },
);
