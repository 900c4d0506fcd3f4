import { createRedisHints, type Hints } from '../../lib/journal/index.ts';
import { systemClock } from '../../lib/kernel/clock.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { defaultsOf } from '../../lib/kernel/section.ts';
import { createRedis, redisSection } from '../../lib/redis/index.ts';

/** One node's hints through the Redis at the address; closing them ends the node's connections too. */
export function joinThroughRedis(uri: string, commandTimeout = defaultsOf(redisSection).commandTimeout): Hints {
  const redis = createRedis({
    settings: { ...defaultsOf(redisSection), uri, commandTimeout },
    clock: systemClock,
    logger: silentLogger,
  });
  const hints = createRedisHints(redis);
  return {
    publish: (account, q) => hints.publish(account, q),
    subscribe: (account, listener) => hints.subscribe(account, listener),
    onReset: (listener) => hints.onReset(listener),
    close: async () => {
      await hints.close();
      await redis.close();
    },
  };
}
