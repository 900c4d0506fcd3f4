import type { Clock } from '../kernel/clock.ts';

/** Far less than the journal is kept: what followed a state of this age is still there. */
const OLD_MS = 60 * 60 * 1000;

export interface Instant {
  readonly now: number;
  readonly monotonic: number;
}

/**
 * How long ago a state was known to be the journal's. By both clocks: the one stands still while a machine sleeps, the
 * other may be put back.
 */
export class Freshness {
  readonly #clock: Clock;
  #verified: Instant;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#verified = this.now();
  }

  now(): Instant {
    return { now: this.#clock.now(), monotonic: this.#clock.monotonic() };
  }

  /** The journal was read to its end by somebody who began then. */
  markVerified(startedAt: Instant): void {
    this.#verified = startedAt;
  }

  get isOld(): boolean {
    const { now, monotonic } = this.now();
    return Math.max(now - this.#verified.now, monotonic - this.#verified.monotonic) > OLD_MS;
  }
}
