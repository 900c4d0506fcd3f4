import type { Configuration } from '../lib/config/index.ts';
import { createJobRunner, jobsSection, type Job } from '../lib/jobs/index.ts';
import { journalSection, tombstoneWindow } from '../lib/journal/index.ts';
import type { Clock } from '../lib/kernel/clock.ts';
import type { Lifecycle } from '../lib/kernel/lifecycle.ts';
import type { Logger } from '../lib/kernel/logger.ts';
import type { Store } from './compose.ts';
import { byARightClock } from './jobs/by-a-right-clock.ts';
import { maintainJournalsJob } from './jobs/maintain-journals.ts';
import { removeExpiredTokens } from './jobs/remove-expired-tokens.ts';
import { scrubContent } from './jobs/scrub-content.ts';
import { sweepMessages } from './jobs/sweep-messages.ts';

export interface JobParts {
  readonly store: Store;
  readonly configuration: Configuration;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly lifecycle: Lifecycle;
  /** This process among the nodes. */
  readonly node: string;
}

/** The work in the background, for processes with the role worker. */
export async function startJobs({ store, configuration, clock, logger, lifecycle, node }: JobParts): Promise<void> {
  const { lease, poll, concurrency, sweepInterval, scrubInterval, tokenInterval } = configuration.get(jobsSection);
  const jobsLogger = logger.child({ service: 'jobs' });
  const removing = (job: Job): Job => byARightClock(store.database, clock, job);
  const runner = createJobRunner({
    database: store.database,
    clock,
    logger: jobsLogger,
    node,
    jobs: [
      removing(sweepMessages(store.sweep, sweepInterval, tombstoneWindow(configuration.get(journalSection)))),
      removing(maintainJournalsJob(store.mailboxes, jobsLogger, sweepInterval)),
      scrubContent(store.mailboxes, store.messages, jobsLogger, scrubInterval),
      removeExpiredTokens(store.accessTokens, tokenInterval),
    ],
    leaseMs: lease,
    pollMs: poll,
    concurrency,
  });
  lifecycle.add({ name: 'jobs', stop: () => runner.stop() });
  await runner.start();
}
