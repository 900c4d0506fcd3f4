import { createHash } from 'node:crypto';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import { RedisChannels, type ChannelListeners } from './channels.ts';
import { connectClient } from './connect-client.ts';
import { parseRedisAddress } from './redis-address.ts';
import type { RedisSettings } from './settings.ts';

export interface RedisParts {
  readonly settings: RedisSettings;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A Lua script; its keys lie in one slot of a cluster. */
export interface RedisScript {
  readonly text: string;
  readonly sha1: string;
}

/** Counters that may be lost, and messages that may be lost. It may be away at any time, from the start too. */
export interface Redis {
  /** The key or channel of that name; parts are joined by colons. */
  key(...parts: readonly string[]): string;
  /**
   * Runs the script within the time that the settings give.
   * @throws RedisUnavailable at once where the last command has failed just now
   */
  run(script: RedisScript, key: string, args: readonly (string | number)[]): Promise<unknown>;
  openChannels(listeners: ChannelListeners): RedisChannels;
  close(): Promise<void>;
}

/** Nothing is known of what was asked for; the asker goes on without. */
class RedisUnavailable extends Error {
  override readonly name = 'RedisUnavailable';
}

/** After a failure nobody waits for Redis again for so long: a log-in is not to pay the time-out for each counter. */
const PAUSE_MS = 1000;

/** @throws RangeError where the address in the settings is none; never because Redis is away */
export function createRedis({ settings, clock, logger }: RedisParts): Redis {
  const address = parseRedisAddress(settings.uri);
  if (typeof address === 'string') throw new RangeError(`redis.uri: ${address}`);
  const client = connectClient(address, settings.commandTimeout);
  let isAway = false;
  let pausedUntil = 0;
  client.on('error', (error: Error) => {
    if (!isAway)
      logger.warn({ error: error.message }, 'Redis is away; limits are those of this process until it is back');
    isAway = true;
  });
  client.on('ready', () => {
    if (isAway) logger.info({}, 'Redis is back');
    isAway = false;
    pausedUntil = 0;
  });
  const attempt = async (script: RedisScript, key: string, args: readonly (string | number)[]): Promise<unknown> => {
    try {
      return await client.evalsha(script.sha1, 1, key, ...args);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return client.eval(script.text, 1, key, ...args);
    }
  };
  const opened: RedisChannels[] = [];
  return {
    key: (...parts) => [settings.prefix, ...parts].join(':'),
    run: async (script, key, args) => {
      if (client.status !== 'ready' || clock.monotonic() < pausedUntil) throw new RedisUnavailable('Redis is away');
      try {
        return await attempt(script, key, args);
      } catch (error) {
        pausedUntil = clock.monotonic() + PAUSE_MS;
        throw new RedisUnavailable('Redis did not answer', { cause: error });
      }
    },
    openChannels: (listeners) => {
      const channels = new RedisChannels({ address, publisher: client, prefix: settings.prefix, logger, listeners });
      opened.push(channels);
      return channels;
    },
    close: async () => {
      for (const channels of opened) channels.close();
      client.disconnect();
    },
  };
}

export function defineScript(text: string): RedisScript {
  return { text, sha1: createHash('sha1').update(text).digest('hex') };
}
