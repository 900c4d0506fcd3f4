import type { Clock } from '../../kernel/clock.ts';

/** How long one connection may hold the event loop, in milliseconds. */
const LONGEST = 10;
/** Asking for the time costs more than most steps do. */
const STEPS = 64;

/** Lets other connections have their turn while one works off what a client has pipelined. */
export class Turn {
  readonly #clock: Clock;
  #since = 0;
  #steps = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  begin(): void {
    this.#since = this.#clock.monotonic();
    this.#steps = 0;
  }

  /** True where the turn has lasted long enough; asked after each small step. */
  get isLong(): boolean {
    this.#steps += 1;
    return this.#steps % STEPS === 0 && this.#clock.monotonic() - this.#since >= LONGEST;
  }

  /** Where the turn has been long, waits until everybody else has had theirs. */
  async end(): Promise<void> {
    if (this.#clock.monotonic() - this.#since < LONGEST) return;
    await new Promise((resolve) => setImmediate(resolve));
    this.begin();
  }
}
