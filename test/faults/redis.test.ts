import { withoutRedis } from '../support/redis-server.ts';
import { experimentSuite } from './experiment.ts';
import { REDIS_FAULTS } from './redis-faults.ts';

experimentSuite(
  'faults of Redis under load',
  REDIS_FAULTS.filter(({ isLong }) => isLong !== true),
  { firstSeed: 900, runs: 1, skip: await withoutRedis() },
);
