export type { ChannelListeners, RedisChannels } from './channels.ts';
export { parseRedisAddress } from './redis-address.ts';
export { createRedis, defineScript, RedisUnavailable, type Redis } from './redis.ts';
export { redisSection } from './settings.ts';
