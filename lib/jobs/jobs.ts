import type { Database } from '../db/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { openJobsCollection, type JobRow } from './jobs-collection.ts';

/** One part of a job, for those who look. Times are milliseconds since 1970. */
export interface JobStatus {
  readonly job: string;
  readonly shard: number;
  readonly shards: number;
  /**
   * `never`: not run yet; `lost`: whoever ran it is gone, and another will; `stopped`: ended early with its process.
   */
  readonly state: 'never' | 'running' | 'done' | 'failed' | 'stopped' | 'lost';
  /** Node that runs it or has run it; '' before the first. */
  readonly node: string;
  readonly fence: number;
  readonly startedAt: number;
  /** Of the run before, while one is under way. */
  readonly endedAt: number;
  readonly dueAt: number;
  readonly failures: number;
  readonly error: string;
  readonly report: Readonly<Record<string, number>>;
}

/** @throws MailError `unavailable` */
export async function listJobs({
  database,
  clock,
}: {
  readonly database: Database;
  readonly clock: Clock;
}): Promise<readonly JobStatus[]> {
  const now = clock.now();
  return (await openJobsCollection(database).list()).map((row) => toStatus(row, now));
}

function toStatus(row: JobRow, now: number): JobStatus {
  const { job, shard, shards, fence, startedAt, endedAt, dueAt, failures, error } = row;
  const state = row.outcome === 'running' && row.leaseUntil <= now ? 'lost' : row.outcome;
  const report = JSON.parse(row.report) as JobStatus['report'];
  return { job, shard, shards, state, node: row.owner, fence, startedAt, endedAt, dueAt, failures, error, report };
}
