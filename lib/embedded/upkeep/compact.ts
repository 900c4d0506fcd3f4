import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../kernel/clock.ts';
import type { Store } from '../store/store.ts';

/** Values looked at, and pages given back, in one step: a step is to be over before a reader notices. */
const VALUES_A_STEP = 128;
const PAGES_A_STEP = 16;
/** A pause is so many times as long as the step before it, so that others have the better part of the time, */
const PAUSE_FACTOR = 3;
/** and never shorter than this, in milliseconds. */
const SHORTEST_PAUSE_MS = 2;

export interface CompactOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** Runs work in a transaction of its own that is durable when this returns. @throws what keeps it from that */
  readonly transact: (work: () => void) => void;
  /** True once nobody wants the rest any more. */
  readonly isOver: () => boolean;
}

export interface Compacted {
  /** Octets by which the file is shorter, or will be with its next checkpoint. */
  readonly octetsFreed: number;
  /** Octets of values that were written anew. */
  readonly octetsMoved: number;
}

/**
 * Gives the space of what was deleted back to the file system, in small steps between which everybody else is served.
 * First the values whose neighbours are gone are gathered, which empties pages; then the last pages of the file move
 * into empty ones. Each step is a transaction: a crash loses nothing but the rest of the work.
 */
export async function compact(options: CompactOptions): Promise<Compacted> {
  const { store } = options;
  const before = store.sizes();
  let octetsMoved = 0;
  // What is written from now on, by this too, lies close together.
  const { newest } = store.gather(0, 0);
  let at: number | undefined = 0;
  while (at !== undefined && at < newest && !options.isOver()) {
    const from: number = at;
    const gathered = await step(options, () => store.gather(from, VALUES_A_STEP));
    at = gathered.last;
    octetsMoved += gathered.moved;
  }
  let free = store.sizes().freePages;
  while (free > 0 && !options.isOver()) {
    const left = await step(options, () => store.shrink(PAGES_A_STEP));
    // A file from before this was foreseen gives nothing back.
    if (left === free) break;
    free = left;
  }
  const after = store.sizes();
  return { octetsFreed: Math.max(0, (before.pages - after.pages) * after.pageOctets), octetsMoved };
}

async function step<T>({ clock, transact }: CompactOptions, work: () => T): Promise<T> {
  const began = clock.monotonic();
  const results: T[] = [];
  transact(() => results.push(work()));
  const tookMs = clock.monotonic() - began;
  await delay(Math.max(SHORTEST_PAUSE_MS, tookMs * PAUSE_FACTOR));
  return results[0] as T;
}
