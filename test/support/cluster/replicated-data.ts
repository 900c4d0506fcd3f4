import type { DataBearer } from './engine.ts';
import { EngineLink } from './engine-link.ts';

/** What a write that waits for its majority is told when there is an election. */
export type Interruption = { readonly kind: 'cut' } | { readonly kind: 'error'; readonly code: number };

/** A write that the primary has. */
export interface Applied {
  readonly reply: Buffer;
  readonly replicated: Promise<'replicated' | Interruption>;
}

interface Entry {
  readonly octets: Buffer;
  readonly settle: (result: 'replicated' | Interruption) => void;
}

/**
 * What the primary has, and what a majority has: two engines. Writes go to the first at once and to the second in the
 * same order, with their sessions and numbers, so that both know what has been retried. A rollback makes the first a
 * copy of the second: documents, indexes and the table of retryable writes alike.
 */
export class ReplicatedData {
  #primary: DataBearer;
  readonly #majority: DataBearer;
  readonly #link: EngineLink;
  #waiting: Entry[] = [];
  #isStalled = false;
  #held = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(primary: DataBearer, majority: DataBearer) {
    this.#primary = primary;
    this.#majority = majority;
    this.#link = new EngineLink(majority.socketPath);
  }

  get primary(): DataBearer {
    return this.#primary;
  }

  get majority(): DataBearer {
    return this.#majority;
  }

  /**
   * Every write, of whatever outcome, waits until a majority has all that was before it, itself included: so an answer
   * such as "duplicate key" never rests on what may be rolled back.
   * @param isHeld true where it and what follows is kept from the majority until `release` or `rollBack`
   */
  write(linkTo: (bearer: DataBearer) => EngineLink, octets: Buffer, isHeld: boolean): Promise<Applied> {
    return this.#alone(async () => {
      const reply = await linkTo(this.#primary).exchange(octets);
      const { promise, resolve } = Promise.withResolvers<'replicated' | Interruption>();
      this.#waiting.push({ octets, settle: resolve });
      if (isHeld) this.#held += 1;
      await this.#replicate();
      return { reply, replicated: promise };
    });
  }

  stall(): void {
    this.#isStalled = true;
  }

  resume(): Promise<void> {
    this.#isStalled = false;
    return this.#alone(() => this.#replicate());
  }

  /** A majority gets everything that was held. */
  release(): Promise<void> {
    return this.#alone(async () => {
      this.#held = 0;
      await this.#replicate();
    });
  }

  /** What no majority has is gone. */
  rollBack(interruption: Interruption): Promise<void> {
    return this.#alone(async () => {
      const gone = this.#waiting;
      this.#waiting = [];
      this.#held = 0;
      this.#isStalled = false;
      const old = this.#primary;
      this.#primary = await this.#majority.copy();
      for (const { settle } of gone) settle(interruption);
      await old.close();
    });
  }

  async close(): Promise<void> {
    await this.#last;
    this.#link.close();
    await this.#primary.close();
    await this.#majority.close();
  }

  async #replicate(): Promise<void> {
    if (this.#isStalled || this.#held > 0) return;
    for (let entry = this.#waiting.shift(); entry !== undefined; entry = this.#waiting.shift()) {
      await this.#link.exchange(entry.octets);
      entry.settle('replicated');
    }
  }

  #alone<T>(run: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(run);
    this.#last = mine.catch(() => undefined);
    return mine;
  }
}
