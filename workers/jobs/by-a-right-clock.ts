import { requireRightClock, type Database } from '../../lib/db/index.ts';
import type { Job } from '../../lib/jobs/index.ts';
import type { Clock } from '../../lib/kernel/clock.ts';

/** A job that removes what is old, which fails for now where the clock of this machine cannot be trusted. */
export function byARightClock(database: Pick<Database, 'client'>, clock: Clock, job: Job): Job {
  return {
    ...job,
    run: async (context) => {
      await requireRightClock(database, clock);
      return job.run(context);
    },
  };
}
