import type { Clock } from '../../kernel/clock.ts';
import type { Slice } from '../plan/slice.ts';

/** How long one command holds the thread at a time, in milliseconds. */
const SLICE_MS = 2;
/** Commands that come while others have used this much of the thread lately get a short first slice. */
const CROWDED_MS = 4;
const CROWDED_SLICE_MS = 0.25;
const LATELY_MS = 10;
/** So many take turns; further ones wait for one of them to end. */
const MAX_IN_TURN = 64;

/** A command that is not done yet. */
export interface Task {
  readonly slice: Slice;
  /** Goes on for a slice. @returns true where it is done */
  step(): boolean;
  /** Lets go of what it holds; it is not gone on with. */
  stop(): void;
}

/** Commands that take longer than a slice take turns, and between any two slices whoever waits for the thread gets it. */
export class Slices {
  readonly #clock: Clock;
  readonly #inTurn: Task[] = [];
  readonly #waiting: Task[] = [];
  #isDue = false;
  #lately = { since: 0, usedMs: 0 };
  readonly #counters: { slices: number };

  /** @param counters told of each slice behind a command's first */
  constructor(clock: Clock, counters: { slices: number }) {
    this.#clock = clock;
    this.#counters = counters;
  }

  /** Runs a new task's first slice at once; where that is not enough, it takes its turns. */
  begin(task: Task): void {
    const startedAt = this.#clock.monotonic();
    if (startedAt - this.#lately.since > LATELY_MS) this.#lately = { since: startedAt, usedMs: 0 };
    task.slice.begin(this.#lately.usedMs > CROWDED_MS ? CROWDED_SLICE_MS : SLICE_MS);
    const isDone = task.step();
    this.#lately.usedMs += this.#clock.monotonic() - startedAt;
    if (isDone) return;
    (this.#inTurn.length < MAX_IN_TURN ? this.#inTurn : this.#waiting).push(task);
    this.#schedule();
  }

  /** Takes a task out that nobody waits for any more. */
  remove(task: Task): void {
    for (const list of [this.#inTurn, this.#waiting]) {
      const at = list.indexOf(task);
      if (at >= 0) list.splice(at, 1);
    }
    this.#fill();
  }

  #schedule(): void {
    if (this.#isDue || this.#inTurn.length === 0) return;
    this.#isDue = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#isDue = false;
    const task = this.#inTurn.shift();
    if (task === undefined) return;
    this.#counters.slices += 1;
    task.slice.begin(SLICE_MS);
    if (!task.step()) this.#inTurn.push(task);
    this.#fill();
    this.#schedule();
  }

  #fill(): void {
    while (this.#inTurn.length < MAX_IN_TURN) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#inTurn.push(next);
    }
  }
}
