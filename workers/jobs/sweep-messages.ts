import { defineJob, type Job } from '../../lib/jobs/index.ts';
import type { Sweep } from '../../lib/messages/index.ts';

/**
 * Removes message data and attachments that nothing refers to; what it deletes is conditional on what it read.
 * @param olderThanMs how long data of expunged messages is kept, so that they can be brought back
 */
export function sweepMessages(sweep: Sweep, everyMs: number, olderThanMs: number): Job {
  return defineJob({
    name: 'sweep-messages',
    everyMs,
    run: async ({ signal }) => ({ ...(await sweep.run({ signal, olderThanMs })) }),
  });
}
