export type { RedisChannels } from './channels.ts';
export { parseRedisAddress } from './redis-address.ts';
export { createRedis, defineScript, type Redis } from './redis.ts';
export { redisSection } from './settings.ts';
