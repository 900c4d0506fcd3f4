import { randomInt } from 'node:crypto';
import { parseAccountId, type AccountId } from '../kernel/ids.ts';
import type { Redis, RedisChannels } from '../redis/index.ts';
import { HintListeners, type Hints } from './hints.ts';

/** Accounts whose news wait for Redis; past this the oldest are dropped, and who waits for them looks by itself. */
const MOST_WAITING = 10_000;
const SENT_AT_ONCE = 500;
const RETRY_MS = 1000;
/** How long `close` lets the last news leave. */
const FAREWELL_MS = 250;

/**
 * Hints between machines: one channel an account, the number of the newest record as the message. What waits to be
 * sent is kept by account, so that it is bounded and a burst leaves as one message. With Redis away hints are kept for
 * its return; accounts that others hold open are then looked at by themselves, as after any new connection.
 */
export function createRedisHints(redis: Redis): Hints {
  return new RedisHints(redis);
}

class RedisHints implements Hints {
  readonly #listeners = new HintListeners();
  readonly #channels: RedisChannels;
  readonly #channelPrefix: string;
  readonly #waiting = new Map<AccountId, number>();
  #sending: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(redis: Redis) {
    this.#channelPrefix = redis.key('hint', '');
    this.#channels = redis.openChannels({
      onMessage: (channel, text) => this.#heard(channel, text),
      onSubscribed: (channel) => {
        const account = this.#accountOf(channel);
        if (account !== undefined) this.#listeners.tell(account, Infinity);
      },
      onGap: () => this.#listeners.reset(),
    });
    this.#channels.onCanPublish(() => this.#send());
  }

  publish(account: AccountId, q: number): void {
    if (this.#isClosed) return;
    this.#listeners.tell(account, q);
    this.#wait(account, q);
    this.#send();
  }

  subscribe(account: AccountId, listener: (q: number) => void): () => void {
    const isFirst = !this.#listeners.has(account);
    const end = this.#listeners.subscribe(account, listener);
    if (isFirst) this.#channels.subscribe(this.#channelPrefix + account);
    let isSubscribed = true;
    return () => {
      if (!isSubscribed) return;
      isSubscribed = false;
      end();
      if (!this.#isClosed && !this.#listeners.has(account)) this.#channels.unsubscribe(this.#channelPrefix + account);
    };
  }

  onReset(listener: () => void): () => void {
    return this.#listeners.onReset(listener);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#retry);
    const late = new Promise((resolve) => setTimeout(resolve, FAREWELL_MS));
    // A command that has just committed tells the others before its process ends.
    if (this.#waiting.size > 0) await Promise.race([this.#sendLast(), late]);
    this.#channels.close();
  }

  #wait(account: AccountId, q: number): void {
    const known = this.#waiting.get(account) ?? 0;
    this.#waiting.delete(account);
    this.#waiting.set(account, Math.max(known, q));
    if (this.#waiting.size <= MOST_WAITING) return;
    const oldest = this.#waiting.keys().next();
    if (oldest.done !== true) this.#waiting.delete(oldest.value);
  }

  /** A command may have committed before it was connected. */
  async #sendLast(): Promise<void> {
    if (!this.#channels.canPublish) await new Promise<void>((resolve) => this.#channels.onCanPublish(resolve));
    await this.#sendAll();
  }

  /** At the end of this turn, so that what a batch of commits has to say leaves together. */
  #send(): void {
    if (this.#isClosed || this.#sending !== undefined || this.#retry !== undefined) return;
    this.#sending = Promise.resolve()
      .then(() => this.#sendAll())
      .finally(() => {
        this.#sending = undefined;
      });
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting.size > 0 && this.#channels.canPublish) {
      const batch = [...this.#waiting].slice(0, SENT_AT_ONCE);
      for (const [account] of batch) this.#waiting.delete(account);
      try {
        await this.#channels.publish(
          batch.map(([account, q]) => ({ channel: this.#channelPrefix + account, text: String(q) })),
        );
      } catch {
        for (const [account, q] of batch) this.#wait(account, q);
        this.#retryLater();
        return;
      }
    }
  }

  #retryLater(): void {
    if (this.#isClosed || this.#retry !== undefined) return;
    this.#retry = setTimeout(
      () => {
        this.#retry = undefined;
        this.#send();
      },
      randomInt(RETRY_MS / 2, RETRY_MS),
    );
    this.#retry.unref();
  }

  #heard(channel: string, text: string): void {
    const account = this.#accountOf(channel);
    if (account !== undefined && /^\d{1,15}$/.test(text)) this.#listeners.tell(account, Number(text));
  }

  #accountOf(channel: string): AccountId | undefined {
    return channel.startsWith(this.#channelPrefix)
      ? parseAccountId(channel.slice(this.#channelPrefix.length))
      : undefined;
  }
}
