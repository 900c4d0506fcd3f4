import { randomInt } from 'node:crypto';
import { Cluster, Redis as RedisClient, type CommonRedisOptions } from 'ioredis';
import type { RedisAddress } from './redis-address.ts';

export type Client = RedisClient | Cluster;

const CONNECT_TIMEOUT_MS = 2000;
const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 1000;

/**
 * A client that keeps trying to connect, in the background and for ever, and that queues nothing: what cannot be sent
 * at this moment fails at this moment, and what was sent fails with its connection.
 * @param commandTimeoutMs after which a command counts as failed
 */
export function connectClient(address: RedisAddress, commandTimeoutMs: number): Client {
  const { kind, hosts, primary, isTls, username, password, database } = address;
  const options = {
    // Redis 5 knows no other, and replies have one shape everywhere.
    protocol: 2,
    commandTimeout: commandTimeoutMs,
    connectTimeout: CONNECT_TIMEOUT_MS,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    disableClientInfo: true,
    noDelay: true,
    db: database,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(isTls && { tls: {} }),
  } satisfies CommonRedisOptions;
  if (kind === 'cluster') {
    return new Cluster([...hosts], {
      redisOptions: options,
      enableOfflineQueue: false,
      shardedSubscribers: true,
      clusterRetryStrategy: retryMs,
      clusterNodeRetryStrategy: retryMs,
      slotsRefreshTimeout: CONNECT_TIMEOUT_MS,
    });
  }
  if (kind === 'sentinel') {
    return new RedisClient({
      ...options,
      sentinels: [...hosts],
      name: primary ?? '',
      sentinelRetryStrategy: retryMs,
      retryStrategy: retryMs,
      sentinelCommandTimeout: CONNECT_TIMEOUT_MS,
      // After a failover the old primary may still answer, and refuses writes.
      reconnectOnError: (error) => error.message.startsWith('READONLY'),
      ...(isTls && { sentinelTLS: {}, enableTLSForSentinelMode: true }),
    });
  }
  const [{ host, port }] = hosts;
  return new RedisClient({ ...options, host, port, retryStrategy: retryMs });
}

/** Jittered, so that many nodes do not return in one moment. */
function retryMs(times: number): number {
  const longest = Math.min(FIRST_RETRY_MS * 2 ** Math.min(times, 10), LONGEST_RETRY_MS);
  return randomInt(Math.ceil(longest / 2), longest + 1);
}
