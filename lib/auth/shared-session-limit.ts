import type { AccountId } from '../kernel/ids.ts';
import { defineScript, type Redis } from '../redis/index.ts';
import { leaseOf, SessionCounts, tooManySessions, type SessionLimit } from './session-limit.ts';

export interface SharedSessionLimitOptions {
  readonly redis: Redis;
  readonly protocol: string;
  /** Of this process; another process never has the same. */
  readonly node: string;
  /** After which the sessions of a process that died no longer count, in milliseconds. */
  readonly leaseMs?: number;
}

export interface SharedSessionLimit extends SessionLimit {
  /** Ends the renewal; sessions that stand are forgotten when their leases are over. */
  close(): void;
}

const LEASE_MS = 90_000;
const RENEWALS_AT_ONCE = 64;

/**
 * One hash for an account and protocol: a field for each node with its count and the end of its lease. A node writes
 * its own count whole, so that whatever was lost is right again after the next renewal.
 * Arguments: node, its count, the most there may be (-1: any number), the lease in milliseconds. 0 means refused.
 */
const COUNT = defineScript(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local count, most, lease = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local fields = redis.call('HGETALL', KEYS[1])
local others = 0
for at = 1, #fields, 2 do
  if fields[at] ~= ARGV[1] then
    local theirs, ends = string.match(fields[at + 1], '^(%d+) (%d+)$')
    if ends and tonumber(ends) > now then others = others + tonumber(theirs)
    else redis.call('HDEL', KEYS[1], fields[at]) end
  end
end
if most >= 0 and others + count > most then return 0 end
if count == 0 then redis.call('HDEL', KEYS[1], ARGV[1])
else redis.call('HSET', KEYS[1], ARGV[1], string.format('%d %d', count, now + lease)) end
redis.call('PEXPIRE', KEYS[1], lease)
return 1
`);

/** Counts the sessions of all nodes by leases that expire; with Redis away those of this process. */
export function createSharedSessionLimit(options: SharedSessionLimitOptions): SharedSessionLimit {
  const { redis, protocol, node, leaseMs = LEASE_MS } = options;
  const counts = new SessionCounts();
  const write = async (account: AccountId, most: number): Promise<boolean> => {
    try {
      const key = redis.key('sessions', protocol, account);
      return (await redis.run(COUNT, key, [node, counts.of(account), most, leaseMs])) !== 0;
    } catch {
      return true;
    }
  };
  const renew = async (): Promise<void> => {
    const accounts = [...counts.accounts()];
    for (let at = 0; at < accounts.length; at += RENEWALS_AT_ONCE) {
      await Promise.all(accounts.slice(at, at + RENEWALS_AT_ONCE).map((account) => write(account, -1)));
    }
  };
  const timer = setInterval(() => void renew(), leaseMs / 3).unref();
  const leave = (account: AccountId): void => {
    counts.leave(account);
    void write(account, -1);
  };
  return {
    enter: async (account, most) => {
      counts.enter(account, most);
      if (await write(account, most)) return leaseOf(() => leave(account));
      counts.leave(account);
      throw tooManySessions();
    },
    close: () => clearInterval(timer),
  };
}
