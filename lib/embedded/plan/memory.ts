import { EngineError } from '../errors/failure.ts';

/** What the sorts and groups of all commands and open cursors may hold together, in octets. */
const MAX_TOGETHER = 256 * 1024 * 1024;

/**
 * Counts what commands hold of documents. One command's own bound stands where it gathers; this one keeps many of them
 * from using up the engine's memory together.
 */
export class Memory {
  readonly #limit: number;
  #held = 0;
  /** Called when the limit is reached: lets go of what can be spared, and says whether there was anything. */
  onPressure: () => boolean = () => false;

  constructor(limit = MAX_TOGETHER) {
    this.#limit = limit;
  }

  /** Octets held now. */
  get held(): number {
    return this.#held;
  }

  hold(): Holding {
    return new Holding((octets) => {
      while (octets > 0 && this.#held + octets > this.#limit && this.onPressure());
      if (octets > 0 && this.#held + octets > this.#limit) {
        throw new EngineError(292, `all sorts and groups together hold more than ${this.#limit} octets`);
      }
      this.#held += octets;
    });
  }
}

/** One command's part of the memory. */
export class Holding {
  readonly #change: (octets: number) => void;
  #octets = 0;

  /** @param change told of each difference */
  constructor(change: (octets: number) => void) {
    this.#change = change;
  }

  /** @param octets less than zero where something was let go of. @throws EngineError 292 where there is no more */
  add(octets: number): void {
    this.#change(octets);
    this.#octets += octets;
  }

  release(): void {
    this.#change(-this.#octets);
    this.#octets = 0;
  }
}
