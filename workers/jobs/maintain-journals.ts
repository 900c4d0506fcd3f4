import { defineJob, type Job } from '../../lib/jobs/index.ts';
import type { Journal } from '../../lib/journal/index.ts';
import type { Logger } from '../../lib/kernel/logger.ts';
import { maintainJournals } from '../maintain-journals.ts';

const SHARDS = 4;

/** Keeps journals within their retention and removes what crashed folds and closed accounts have left. */
export function maintainJournalsJob(mailboxes: Journal, logger: Logger, everyMs: number): Job {
  return defineJob({
    name: 'maintain-journals',
    everyMs,
    shards: SHARDS,
    run: async ({ shard, signal }) => ({ ...(await maintainJournals(mailboxes, logger, { part: shard, signal })) }),
  });
}
