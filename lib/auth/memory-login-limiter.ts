import type { Clock } from '../kernel/clock.ts';
import { LruCache } from '../kernel/lru-cache.ts';
import { FailureBuckets } from './failure-buckets.ts';
import { rateLimited, type LoginLimiter } from './login-limiter.ts';

export interface LoginLimits {
  readonly failureWindow: number;
  readonly failuresPerLogin: number;
  readonly failuresPerRemote: number;
  readonly failuresPerUser: number;
}

export interface MemoryLoginLimiterOptions {
  readonly limits: LoginLimits;
  readonly clock: Clock;
  /** How long an attempt in the slow lane waits. */
  readonly slowMs?: number;
}

export const SLOW_MS = 3000;
/** How many attempts for one account may wait in the slow lane at a time. */
const SLOW_LANES = 3;
const TRUSTED_PAIRS = 50_000;
export const TRUST_MS = 30 * 24 * 3_600_000;

/**
 * Counts in this process. Three measures: one remote for one account, one remote for all, one account for all
 * remotes. A stranger must not lock an owner out, so a remote that has lately logged in to the account is only held
 * to the first, and is slowed there instead of refused; and the third never refuses while its slow lane has room.
 */
export function createMemoryLoginLimiter({ limits, clock, slowMs = SLOW_MS }: MemoryLoginLimiterOptions): LoginLimiter {
  const buckets = (capacity: number): FailureBuckets =>
    new FailureBuckets({ capacity, windowMs: limits.failureWindow, clock });
  const pairs = buckets(limits.failuresPerLogin);
  const remotes = buckets(limits.failuresPerRemote);
  const accounts = buckets(limits.failuresPerUser);
  const trusted = new LruCache<string, true>({ clock, maxWeight: TRUSTED_PAIRS, lifetimeMs: TRUST_MS });
  const slow = new Map<string, number>();

  const leaveSlowLane = (account: string): void => {
    const left = (slow.get(account) ?? 1) - 1;
    if (left === 0) slow.delete(account);
    else slow.set(account, left);
  };

  return {
    admit: async (remote, account) => {
      const pair = `${remote} ${account}`;
      const isTrusted = trusted.get(pair) === true;
      const pairWait = pairs.waitMs(pair);
      if (!isTrusted) {
        const refusal = Math.max(pairWait, remotes.waitMs(remote));
        if (refusal > 0) throw rateLimited(refusal);
      }
      const isSlow = isTrusted ? pairWait > 0 : accounts.waitMs(account) > 0;
      if (isSlow) {
        const waiting = slow.get(account) ?? 0;
        if (waiting >= SLOW_LANES) throw rateLimited(slowMs);
        slow.set(account, waiting + 1);
      }
      const counted: readonly (readonly [FailureBuckets, string])[] = [
        [pairs, pair],
        [remotes, remote],
        [accounts, account],
      ];
      for (const [bucket, key] of counted) bucket.add(key);
      return {
        delayMs: isSlow ? slowMs : 0,
        settle: (outcome) => {
          if (isSlow) leaveSlowLane(account);
          if (outcome === 'failure') return;
          for (const [bucket, key] of counted) bucket.takeBack(key);
          if (outcome === 'success') trusted.set(pair, true);
        },
      };
    },
  };
}
