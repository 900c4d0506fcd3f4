import { createHash } from 'node:crypto';
import { defineScript, type Redis } from '../redis/index.ts';
import { rateLimited, type LoginLimiter } from './login-limiter.ts';
import { SLOW_MS, TRUST_MS, type LoginLimits } from './memory-login-limiter.ts';

export interface SharedLoginLimiterOptions {
  readonly redis: Redis;
  /** Of this process; it is asked first, and alone while Redis is away. */
  readonly local: LoginLimiter;
  readonly limits: LoginLimits;
  /** How long an attempt in the slow lane waits. */
  readonly slowMs?: number;
}

/**
 * A leaky bucket as the text `level time`. Arguments: capacity, the time in which a full one drains (ms), what to add.
 * Gives how long, before that, one more would have had to wait, in milliseconds.
 */
const BUCKET = defineScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local capacity, window, added = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local level = 0
local kept = redis.call('GET', KEYS[1])
if kept then
  local before, at = string.match(kept, '^([%d.]+) (%d+)$')
  if before then level = math.max(0, tonumber(before) - math.max(0, now - tonumber(at)) * capacity / window) end
end
local wait = math.max(0, level + 1 - capacity) * window / capacity
level = math.max(0, level + added)
if level > 0 then redis.call('SET', KEYS[1], string.format('%.6f %d', level, now), 'PX', window)
else redis.call('DEL', KEYS[1]) end
return math.ceil(wait)
`);
const IS_THERE = defineScript(`return redis.call('EXISTS', KEYS[1])`);
const REMEMBER = defineScript(`redis.call('SET', KEYS[1], '1', 'PX', ARGV[1]) return 1`);

/** What the shared buckets say of one attempt, which they have counted. */
interface Verdict {
  readonly isTrusted: boolean;
  readonly pairWaitMs: number;
  readonly remoteWaitMs: number;
  readonly accountWaitMs: number;
}

/**
 * The same three measures as within a process, counted by all nodes together: a guesser gains nothing by going from
 * node to node. With Redis away each node goes on with what it has counted itself.
 */
export function createSharedLoginLimiter(options: SharedLoginLimiterOptions): LoginLimiter {
  const { redis, local, limits, slowMs = SLOW_MS } = options;
  /** Names of strangers' choosing, of whatever length, become keys of one length that tell nothing. */
  const key = (kind: string, name: string): string =>
    redis.key('login', kind, createHash('sha256').update(name).digest('hex').slice(0, 32));
  const add = async (kind: string, name: string, capacity: number, added: number): Promise<number> =>
    Number(await redis.run(BUCKET, key(kind, name), [capacity, limits.failureWindow, added]));
  const addAll = (remote: string, account: string, added: number): Promise<[number, number, number]> =>
    Promise.all([
      add('pair', `${remote} ${account}`, limits.failuresPerLogin, added),
      add('remote', remote, limits.failuresPerRemote, added),
      add('account', account, limits.failuresPerUser, added),
    ]);
  const count = async (remote: string, account: string): Promise<Verdict | undefined> => {
    try {
      const [trusted, [pairWaitMs, remoteWaitMs, accountWaitMs]] = await Promise.all([
        redis.run(IS_THERE, key('trusted', `${remote} ${account}`), []),
        addAll(remote, account, 1),
      ]);
      return { isTrusted: trusted === 1, pairWaitMs, remoteWaitMs, accountWaitMs };
    } catch {
      return undefined;
    }
  };
  /** Nobody waits for it: what is not taken back drains. */
  const takeBack = (remote: string, account: string): void => void addAll(remote, account, -1).catch(() => undefined);

  return {
    admit: async (remote, account) => {
      const admitted = await local.admit(remote, account);
      const verdict = await count(remote, account);
      if (verdict === undefined) return admitted;
      const { isTrusted, pairWaitMs, remoteWaitMs, accountWaitMs } = verdict;
      const refusal = isTrusted ? 0 : Math.max(pairWaitMs, remoteWaitMs);
      if (refusal > 0) {
        admitted.settle('undecided');
        takeBack(remote, account);
        throw rateLimited(refusal);
      }
      const isSlow = isTrusted ? pairWaitMs > 0 : accountWaitMs > 0;
      return {
        delayMs: isSlow ? Math.max(admitted.delayMs, slowMs) : admitted.delayMs,
        settle: (outcome) => {
          admitted.settle(outcome);
          if (outcome === 'failure') return;
          takeBack(remote, account);
          if (outcome === 'success') {
            redis.run(REMEMBER, key('trusted', `${remote} ${account}`), [TRUST_MS]).catch(() => undefined);
          }
        },
      };
    },
  };
}
