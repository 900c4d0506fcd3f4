/** One part of the work: accounts, and whatever else is keyed by random hexadecimal digits, from `from` up to `to`. */
export interface JobShard {
  /** 0-based. */
  readonly index: number;
  readonly count: number;
  /** Lower-case hexadecimal digits that the keys of this part are not below; empty for the first part. */
  readonly from: string;
  /** Those that they are below; undefined for the last part. */
  readonly to: string | undefined;
}

export interface JobContext {
  /** Fires when the work is to end: this process stops, or another one has taken the work over. */
  readonly signal: AbortSignal;
  readonly shard: JobShard;
  /** Grows each time the work is taken up; a report with an older one is not accepted. */
  readonly fence: number;
}

/** Numbers that tell what was done. */
export type JobReport = Readonly<Record<string, number>>;

/**
 * Work that one process at a time does, again and again. A lease says who; since a process that was held up may write
 * after it has lost its lease, everything a job does must be harmless when two do it: conditional on what was read.
 */
export interface Job {
  /** Lower-case words with hyphens. */
  readonly name: string;
  /** From the end of one run to the next, in milliseconds. */
  readonly everyMs: number;
  /** Into how many parts it is split, so that several workers share it; 1 where not given. */
  readonly shards?: number;
  /** @throws the signal's reason where it ended early; anything else counts as a failure and is tried again */
  run(context: JobContext): Promise<JobReport>;
}

export function defineJob(job: Job): Job {
  if (!/^[a-z][a-z-]{1,63}$/.test(job.name)) throw new RangeError(`${job.name} is no name of a job`);
  return job;
}

const DIGITS = 8;

/** Even parts of the space of keys that begin with random hexadecimal digits. */
export function shardsOf(count: number): readonly JobShard[] {
  const bound = (index: number): string =>
    Math.ceil((index * 16 ** DIGITS) / count)
      .toString(16)
      .padStart(DIGITS, '0');
  return Array.from({ length: count }, (_, index) => ({
    index,
    count,
    from: index === 0 ? '' : bound(index),
    to: index === count - 1 ? undefined : bound(index + 1),
  }));
}
