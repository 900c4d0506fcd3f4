import { Cluster } from 'ioredis';
import type { Logger } from '../kernel/logger.ts';
import { connectClient, type Client } from './connect-client.ts';
import type { RedisAddress } from './redis-address.ts';

export interface ChannelListeners {
  /** Of a channel that is or was subscribed to; anybody may have sent it. Longer texts than 64 octets never come. */
  onMessage(channel: string, text: string): void;
  /** From now on the channel's messages come; earlier ones may have been missed. */
  onSubscribed(channel: string): void;
  /** The connection is new and all is subscribed to again: messages of every channel may have been missed. */
  onGap(): void;
}

export interface RedisChannelsParts {
  readonly address: RedisAddress;
  readonly publisher: Client;
  /** Of all channels; the one named so and nothing more is used to see what the server can do. */
  readonly prefix: string;
  readonly logger: Logger;
  readonly listeners: ChannelListeners;
}

export interface ChannelMessage {
  readonly channel: string;
  readonly text: string;
}

const LONGEST_MESSAGE = 64;
/** Nobody waits for a subscription, and a busy process is not to take its own pauses for the server's. */
const SUBSCRIBE_TIMEOUT_MS = 5000;
const CHANNELS_AT_ONCE = 256;
const PING_MS = 10_000;
/** Changes of a cluster's nodes come in bursts. */
const SETTLE_MS = 200;

/**
 * Sharded pub/sub (Redis 7), or ordinary where the server has none; a message reaches who is subscribed at that moment
 * and nobody else. The connection is watched, made again for ever, and everything is subscribed to again on each.
 */
export class RedisChannels {
  readonly #parts: RedisChannelsParts;
  readonly #client: Client;
  readonly #wanted = new Set<string>();
  readonly #ping: NodeJS.Timeout;
  #settling: NodeJS.Timeout | undefined;
  /** Of the subscriptions; a newer one makes the work of an older void. */
  #generation = 0;
  #isCurrent = false;
  #subscribesSharded = true;
  #publishesSharded = true;
  #isClosed = false;

  constructor(parts: RedisChannelsParts) {
    this.#parts = parts;
    const client = connectClient(parts.address, SUBSCRIBE_TIMEOUT_MS);
    this.#client = client;
    // The other connection to the same server has the word about trouble.
    client.on('error', () => undefined);
    client.on('close', () => {
      this.#generation += 1;
      this.#isCurrent = false;
    });
    const anew = (): void => void this.#subscribeAnew();
    client.on('ready', anew);
    const settled = (): void => {
      this.#settling ??= setTimeout(() => {
        this.#settling = undefined;
        anew();
      }, SETTLE_MS).unref();
    };
    for (const change of ['subscribersReady', '+subscriber', '-subscriber', '+node', '-node', 'nodeError']) {
      if (client instanceof Cluster) client.on(change, settled);
    }
    for (const kind of ['messageBuffer', 'smessageBuffer']) {
      client.on(kind, (channel: Buffer, message: Buffer) => {
        if (message.length <= LONGEST_MESSAGE)
          parts.listeners.onMessage(channel.toString(), message.toString('latin1'));
      });
    }
    parts.publisher.on('ready', () => {
      this.#publishesSharded = true;
    });
    this.#ping = setInterval(() => void this.#look(), PING_MS).unref();
  }

  subscribe(channel: string): void {
    this.#wanted.add(channel);
    if (!this.#isCurrent) return;
    this.#subscribe([channel]).then(
      () => {
        if (this.#wanted.has(channel)) this.#parts.listeners.onSubscribed(channel);
      },
      () => this.#restart(),
    );
  }

  unsubscribe(channel: string): void {
    this.#wanted.delete(channel);
    if (this.#client.status !== 'ready') return;
    const done = this.#subscribesSharded ? this.#client.sunsubscribe(channel) : this.#client.unsubscribe(channel);
    // What comes for it anyway interests nobody.
    done.catch(() => undefined);
  }

  /** @throws Error where some of it may not have been sent; then nothing is known of any */
  async publish(messages: readonly ChannelMessage[]): Promise<void> {
    try {
      await this.#publish(messages);
    } catch (error) {
      if (!this.#publishesSharded || !isRefusal(error)) throw error;
      this.#publishesSharded = false;
      await this.#publish(messages);
    }
  }

  get canPublish(): boolean {
    return this.#parts.publisher.status === 'ready';
  }

  onCanPublish(listener: () => void): void {
    this.#parts.publisher.on('ready', listener);
  }

  close(): void {
    this.#isClosed = true;
    this.#generation += 1;
    this.#isCurrent = false;
    clearInterval(this.#ping);
    clearTimeout(this.#settling);
    this.#client.disconnect();
  }

  async #publish(messages: readonly ChannelMessage[]): Promise<void> {
    const { publisher } = this.#parts;
    const name = this.#publishesSharded ? 'spublish' : 'publish';
    if (publisher instanceof Cluster) {
      await Promise.all(messages.map(({ channel, text }) => publisher[name](channel, text)));
      return;
    }
    const pipeline = publisher.pipeline();
    for (const { channel, text } of messages) pipeline[name](channel, text);
    for (const [error] of (await pipeline.exec()) ?? []) if (error !== null) throw error;
  }

  async #subscribeAnew(): Promise<void> {
    if (this.#isClosed) return;
    this.#generation += 1;
    const generation = this.#generation;
    this.#isCurrent = false;
    this.#subscribesSharded = true;
    try {
      await this.#subscribeOrFallBack(this.#parts.prefix);
      let batch: string[] = [];
      // A live iteration: what is added meanwhile comes in it too.
      for (const channel of this.#wanted) {
        batch.push(channel);
        if (batch.length < CHANNELS_AT_ONCE) continue;
        await this.#subscribe(batch);
        if (generation !== this.#generation) return;
        batch = [];
      }
      // Added from here on is subscribed to by itself.
      this.#isCurrent = true;
      if (batch.length > 0) await this.#subscribe(batch);
      if (generation === this.#generation) this.#parts.listeners.onGap();
    } catch (error) {
      if (generation !== this.#generation) return;
      this.#parts.logger.warn({ error: String(error) }, 'Redis does not take subscriptions; trying again');
      this.#restart();
    }
  }

  async #subscribeOrFallBack(channel: string): Promise<void> {
    try {
      await this.#subscribe([channel]);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.#subscribesSharded = false;
      await this.#subscribe([channel]);
    }
  }

  async #subscribe(channels: readonly string[]): Promise<void> {
    const client = this.#client;
    if (!this.#subscribesSharded) await client.subscribe(...channels);
    else if (client instanceof Cluster) await Promise.all(channels.map((channel) => client.ssubscribe(channel)));
    else await client.ssubscribe(...channels);
  }

  /** A connection that looks open may lead to nobody: a machine that lost its power says no goodbye. */
  async #look(): Promise<void> {
    if (this.#client instanceof Cluster || this.#client.status !== 'ready') return;
    try {
      await this.#client.ping();
    } catch {
      this.#restart();
    }
  }

  #restart(): void {
    if (this.#isClosed) return;
    this.#isCurrent = false;
    if (!(this.#client instanceof Cluster)) {
      if (this.#client.status === 'ready') this.#client.disconnect(true);
      return;
    }
    this.#settling ??= setTimeout(() => {
      this.#settling = undefined;
      void this.#subscribeAnew();
    }, SUBSCRIBE_TIMEOUT_MS).unref();
  }
}

/** The server does not have the command, or not for us. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && /^(ERR unknown|NOPERM)/.test(error.message);
}
