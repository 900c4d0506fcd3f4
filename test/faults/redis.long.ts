import { withoutRedis } from '../support/redis-server.ts';
import { experimentSuite } from './experiment.ts';
import { REDIS_FAULTS } from './redis-faults.ts';

experimentSuite('faults of Redis under load', REDIS_FAULTS, {
  firstSeed: 'random',
  runs: 5,
  skip: await withoutRedis(),
});
