import type { Clock } from './clock.ts';

export interface LruCacheOptions {
  readonly clock: Clock;
  /** What the weights of all entries may add up to; without weights, the number of entries. */
  readonly maxWeight: number;
  /** How long an entry may be served after it was stored, in milliseconds. */
  readonly lifetimeMs: number;
}

interface Entry<V> {
  readonly value: V;
  readonly weight: number;
  readonly expiresAt: number;
}

/** A small bounded memory of answers: entries leave when they are old, or when they are the least recently used. */
export class LruCache<K, V> {
  readonly #options: LruCacheOptions;
  readonly #entries = new Map<K, Entry<V>>();
  #weight = 0;
  /** Grows with every removal, so that an answer read before it is not stored after it. */
  #generation = 0;

  constructor(options: LruCacheOptions) {
    this.#options = options;
  }

  get(key: K): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.expiresAt <= this.#options.clock.monotonic()) {
      this.#drop(key, entry);
      return undefined;
    }
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** An entry heavier than the whole cache is not kept. */
  set(key: K, value: V, weight = 1): void {
    const before = this.#entries.get(key);
    if (before !== undefined) this.#drop(key, before);
    if (weight > this.#options.maxWeight) return;
    this.#entries.set(key, { value, weight, expiresAt: this.#options.clock.monotonic() + this.#options.lifetimeMs });
    this.#weight += weight;
    for (const [oldest, entry] of this.#entries) {
      if (this.#weight <= this.#options.maxWeight) break;
      this.#drop(oldest, entry);
    }
  }

  delete(key: K): void {
    this.#generation += 1;
    const entry = this.#entries.get(key);
    if (entry !== undefined) this.#drop(key, entry);
  }

  /**
   * The cached answer, else the fetched one, which is kept unless it is undefined or something was deleted
   * while it was being read.
   */
  async load(
    key: K,
    fetch: () => Promise<V | undefined>,
    weigh: (value: V) => number = () => 1,
  ): Promise<V | undefined> {
    const cached = this.get(key);
    if (cached !== undefined) return cached;
    const generation = this.#generation;
    const value = await fetch();
    if (value !== undefined && generation === this.#generation) this.set(key, value, weigh(value));
    return value;
  }

  #drop(key: K, entry: Entry<V>): void {
    this.#entries.delete(key);
    this.#weight -= entry.weight;
  }
}
