import { MailError } from '../kernel/errors.ts';

export interface LanesOptions {
  readonly concurrency: number;
  /** How many may wait; whoever comes then is refused. */
  readonly waiting: number;
}

/** Runs a few tasks at a time, in order of arrival, and refuses rather than lets the queue grow. */
export class Lanes {
  readonly #options: LanesOptions;
  readonly #queue: (() => void)[] = [];
  #running = 0;

  constructor(options: LanesOptions) {
    this.#options = options;
  }

  /** @throws MailError `unavailable` where too many wait already */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#options.concurrency) await this.#wait();
    else this.#running += 1;
    try {
      return await task();
    } finally {
      // A lane passes straight to the next in the queue, so that nobody overtakes.
      const next = this.#queue.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  #wait(): Promise<void> {
    if (this.#queue.length >= this.#options.waiting) {
      throw new MailError('unavailable', 'Too many log-ins at the moment, please try again', { retryAfterMs: 2000 });
    }
    return new Promise((resolve) => this.#queue.push(resolve));
  }
}
