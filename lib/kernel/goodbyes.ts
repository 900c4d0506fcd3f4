import { randomInt } from 'node:crypto';
import type { Clock } from './clock.ts';

/** A client that is to be told that the server goes. */
export interface Leaving {
  /** True while it waits for nothing. */
  readonly isIdle: boolean;
  /** Tells it, between two commands; once it is gone already, nothing happens. */
  leave(): void;
}

/** Of the time until the deadline; the rest is for commands that are under way when the last one is told. */
const SHARE = 0.75;
/** The longest from one goodbye to the next, in milliseconds: a server with few clients does not dawdle. */
const LONGEST_GAP_MS = 50;
const FINENESS = 1024;

/**
 * Tells the clients one after the other, at uneven steps, so that not all of them log in elsewhere at the same moment.
 * Those who wait for nothing go first. The first is told before this returns, the last when three quarters of the time
 * have passed at the latest.
 * @param deadlineMs until whoever is left is cut off, in milliseconds
 * @returns tells nobody any more
 */
export function spreadGoodbyes(clients: readonly Leaving[], deadlineMs: number, clock: Clock): () => void {
  const order = inOrder(clients);
  const gap = Math.min(LONGEST_GAP_MS, (deadlineMs * SHARE) / Math.max(1, order.length));
  const begunAt = clock.monotonic();
  let timer: NodeJS.Timeout | undefined;
  let told = 0;
  let dueAt = begunAt;
  const tell = (): void => {
    for (let next = order[told]; next !== undefined; next = order[told]) {
      const waitMs = dueAt - clock.monotonic();
      if (waitMs > 0) {
        timer = setTimeout(tell, waitMs);
        return;
      }
      told += 1;
      dueAt = begunAt + gap * (told - randomInt(FINENESS) / FINENESS);
      next.leave();
    }
  };
  tell();
  return () => clearTimeout(timer);
}

/** Idle ones before the others, and else by chance: who came together is not sent away together. */
function inOrder(clients: readonly Leaving[]): readonly Leaving[] {
  const drawn = clients.map((client) => ({ client, lot: (client.isIdle ? 0 : FINENESS) + randomInt(FINENESS) }));
  return drawn.sort((a, b) => a.lot - b.lot).map(({ client }) => client);
}
