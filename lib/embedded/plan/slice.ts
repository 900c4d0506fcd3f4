import type { Clock } from '../../kernel/clock.ts';
import { EngineError } from '../errors/failure.ts';

/** What a source of documents gives instead of one when its time on the thread is over: ask again in the next slice. */
export const PAUSED: unique symbol = Symbol('paused');
export type Paused = typeof PAUSED;

/** Work that gives the thread back between its steps: each `yield` ends a slice. */
export type Work<T> = Generator<undefined, T, undefined>;

/** A step counts as this many octets; what it read comes on top. */
const STEP_OCTETS = 1024;
/** The clock is looked at once so much has been done at most, and more often where the steps turn out to be slow. */
const LOOK_EVERY_OCTETS = 64 * STEP_OCTETS;
const SLOW_MS = 0.5;

/** How long one command may hold the thread at a time, and when it has to be done altogether. */
export class Slice {
  readonly #clock: Clock;
  #deadline: number;
  #endsAt = Infinity;
  #done = 0;
  #lookedAt = 0;
  #lookEvery = 8 * STEP_OCTETS;

  /** @param deadline monotonic milliseconds; undefined for none */
  constructor(clock: Clock, deadline: number | undefined) {
    this.#clock = clock;
    this.#deadline = deadline ?? Infinity;
  }

  /** What is left of the command's time, in milliseconds; undefined where it has as long as it likes. */
  get remainingMs(): number | undefined {
    return this.#deadline === Infinity ? undefined : Math.max(0, this.#deadline - this.#clock.monotonic());
  }

  /** Lets the command take no longer than this from now on. @throws EngineError 50 where that is nothing */
  limit(milliseconds: number): void {
    if (milliseconds <= 0) throw new EngineError(50, 'operation exceeded time limit');
    this.#deadline = Math.min(this.#deadline, this.#clock.monotonic() + milliseconds);
  }

  /** Starts the next slice. Before the first call a slice has no end. */
  begin(milliseconds: number): void {
    this.#lookedAt = this.#clock.monotonic();
    this.#endsAt = this.#lookedAt + milliseconds;
    this.#done = 0;
  }

  /**
   * To be asked at each step. It says yes only after some steps, so that every slice gets on.
   * @param octets what the last step has read
   * @throws EngineError 50 once the command's time is over
   */
  isOver(octets: number): boolean {
    this.#done += STEP_OCTETS + octets;
    if (this.#done < this.#lookEvery) return false;
    this.#done = 0;
    const now = this.#clock.monotonic();
    const isSlow = now - this.#lookedAt > SLOW_MS;
    this.#lookEvery = isSlow ? Math.max(1, this.#lookEvery / 8) : Math.min(LOOK_EVERY_OCTETS, this.#lookEvery * 2);
    this.#lookedAt = now;
    if (now > this.#deadline) throw new EngineError(50, 'operation exceeded time limit');
    return now >= this.#endsAt;
  }
}
