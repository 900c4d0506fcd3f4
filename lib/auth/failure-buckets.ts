import type { Clock } from '../kernel/clock.ts';

export interface FailureBucketsOptions {
  /** How many failures fill a bucket. */
  readonly capacity: number;
  /** The time in which a full bucket drains, evenly. */
  readonly windowMs: number;
  readonly clock: Clock;
  /** The least recently used bucket goes past this number. */
  readonly maxBuckets?: number;
}

interface Bucket {
  readonly level: number;
  /** Monotonic ms at which `level` was true. */
  readonly at: number;
}

const MAX_BUCKETS = 50_000;

/** Leaky buckets by key: each failure adds one, time drains them, a full one says how long to wait. */
export class FailureBuckets {
  readonly #options: FailureBucketsOptions;
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: FailureBucketsOptions) {
    this.#options = options;
  }

  /** Milliseconds until there is room for one more; 0 where there is. */
  waitMs(key: string): number {
    const { capacity, windowMs } = this.#options;
    return Math.max(0, this.#level(key) + 1 - capacity) * (windowMs / capacity);
  }

  add(key: string): void {
    this.#put(key, this.#level(key) + 1);
    const oldest = this.#buckets.keys().next();
    if (this.#buckets.size > (this.#options.maxBuckets ?? MAX_BUCKETS) && oldest.done !== true)
      this.#buckets.delete(oldest.value);
  }

  takeBack(key: string): void {
    this.#put(key, Math.max(0, this.#level(key) - 1));
  }

  #level(key: string): number {
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return 0;
    const drained = ((this.#options.clock.monotonic() - bucket.at) * this.#options.capacity) / this.#options.windowMs;
    return Math.max(0, bucket.level - drained);
  }

  #put(key: string, level: number): void {
    this.#buckets.delete(key);
    if (level > 0) this.#buckets.set(key, { level, at: this.#options.clock.monotonic() });
  }
}
