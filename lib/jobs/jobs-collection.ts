import type { Collection, Filter } from 'mongodb';
import { insertIfAbsent, orTemporary, type Database } from '../db/index.ts';

export type JobOutcome = 'never' | 'running' | 'done' | 'failed' | 'stopped';

/** One part of one job: whose it is and what became of it. Times are milliseconds since 1970. */
export interface JobRow {
  /** `name/index-of-count` */
  readonly _id: string;
  readonly v: 1;
  readonly job: string;
  readonly shard: number;
  readonly shards: number;
  /** Node that has or had it; '' for nobody. */
  readonly owner: string;
  readonly fence: number;
  readonly leaseUntil: number;
  readonly dueAt: number;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly outcome: JobOutcome;
  /** One after another. */
  readonly failures: number;
  /** Of the last failure; '' for none. */
  readonly error: string;
  /** JSON of the last report. */
  readonly report: string;
}

/** Who holds a part, and since which time he took it. */
export interface JobHold {
  readonly id: string;
  readonly owner: string;
  readonly fence: number;
}

export type JobEnding = Pick<JobRow, 'dueAt' | 'endedAt' | 'outcome' | 'failures' | 'error'> &
  Partial<Pick<JobRow, 'report'>>;

export interface JobsCollection {
  /** @returns false where it is there already */
  insert(row: JobRow): Promise<boolean>;
  list(): Promise<JobRow[]>;
  /** Parts of the jobs that are due and nobody's, longest due first. */
  due(jobs: readonly string[], now: number, limit: number): Promise<JobRow[]>;
  /** Takes one part; undefined where another was faster. */
  claim(row: JobRow, owner: string, now: number, leaseUntil: number): Promise<JobRow | undefined>;
  /** @returns false where it is another's by now */
  renew(hold: JobHold, leaseUntil: number): Promise<boolean>;
  /** @returns false where it is another's by now: nothing has changed then */
  finish(hold: JobHold, ending: JobEnding): Promise<boolean>;
  /** Parts of another way to split the job. */
  removeOtherSplits(job: string, shards: number): Promise<void>;
}

const MOST_ROWS = 10_000;

export function openJobsCollection(database: Database): JobsCollection {
  const rows: Collection<JobRow> = database.collection<JobRow>('jobs');
  const heldBy = ({ id, owner, fence }: JobHold): Filter<JobRow> => ({ _id: id, owner, fence });
  return {
    insert: (row) => insertIfAbsent(rows, row),
    list: () => orTemporary(() => rows.find({}).sort({ _id: 1 }).limit(MOST_ROWS).toArray()),
    due: (jobs, now, limit) =>
      orTemporary(() =>
        rows
          .find({ job: { $in: [...jobs] }, dueAt: { $lte: now }, leaseUntil: { $lte: now } })
          .sort({ dueAt: 1 })
          .limit(limit)
          .toArray(),
      ),
    claim: ({ _id, fence }, owner, now, leaseUntil) =>
      orTemporary(
        async () =>
          (await rows.findOneAndUpdate(
            { _id, fence, dueAt: { $lte: now }, leaseUntil: { $lte: now } },
            { $set: { owner, leaseUntil, startedAt: now, outcome: 'running' }, $inc: { fence: 1 } },
            { returnDocument: 'after' },
          )) ?? undefined,
      ),
    renew: (hold, leaseUntil) =>
      orTemporary(async () => (await rows.updateOne(heldBy(hold), { $set: { leaseUntil } })).matchedCount > 0),
    finish: (hold, ending) =>
      orTemporary(
        async () => (await rows.updateOne(heldBy(hold), { $set: { ...ending, leaseUntil: 0 } })).matchedCount > 0,
      ),
    removeOtherSplits: (job, shards) =>
      orTemporary(async () => {
        await rows.deleteMany({ job, shards: { $ne: shards } });
      }),
  };
}
