import type { AccessTokens } from '../../lib/auth/index.ts';
import { defineJob, type Job } from '../../lib/jobs/index.ts';

const SHARDS = 4;

/** Access tokens that are void take no room; one that was prolonged meanwhile stays. */
export function removeExpiredTokens(tokens: AccessTokens, everyMs: number): Job {
  return defineJob({
    name: 'remove-expired-tokens',
    everyMs,
    shards: SHARDS,
    run: async ({ shard, signal }) => ({ tokens: await tokens.removeExpired(shard, signal) }),
  });
}
