import { randomInt } from 'node:crypto';
import type { Database } from '../db/index.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import { shardsOf, type Job, type JobReport } from './job.ts';
import {
  openJobsCollection,
  type JobEnding,
  type JobHold,
  type JobRow,
  type JobsCollection,
} from './jobs-collection.ts';

export interface JobRunnerOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  /** This process, for those who look. */
  readonly node: string;
  readonly jobs: readonly Job[];
  /** How long a part stays this process's without a sign of life, in milliseconds. */
  readonly leaseMs: number;
  /** How often to look for what is due, in milliseconds. */
  readonly pollMs: number;
  /** Parts under way at a time. */
  readonly concurrency: number;
}

export interface JobRunner {
  /** Enters the jobs where they are not known and begins to look for what is due. @throws MailError `unavailable` */
  start(): Promise<void>;
  /** Tells what runs to end, waits for it, and gives it back so that another may go on. */
  stop(): Promise<void>;
}

/** The longest a job that fails again and again waits for its next try; sooner where it runs oftener. */
const LONGEST_RETRY_MS = 3_600_000;
const FIRST_RETRY_MS = 30_000;
/** A new installation has nothing to do at once, and many jobs need not begin together. */
const FIRST_RUN_WITHIN_MS = 15 * 60_000;
const LONGEST_ERROR = 300;

export function createJobRunner(options: JobRunnerOptions): JobRunner {
  return new Runner(options);
}

class Lost extends Error {}

class Runner implements JobRunner {
  readonly #options: JobRunnerOptions;
  readonly #rows: JobsCollection;
  readonly #jobs: ReadonlyMap<string, Job>;
  readonly #running = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;

  constructor(options: JobRunnerOptions) {
    this.#options = options;
    this.#rows = openJobsCollection(options.database);
    this.#jobs = new Map(options.jobs.map((job) => [job.name, job]));
  }

  async start(): Promise<void> {
    for (const job of this.#jobs.values()) await this.#enter(job);
    this.#lookLater(0);
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the process stops'));
    clearTimeout(this.#timer);
    await this.#looking;
    await Promise.all(this.#running);
  }

  async #enter({ name, everyMs, shards = 1 }: Job): Promise<void> {
    await this.#rows.removeOtherSplits(name, shards);
    const now = this.#options.clock.now();
    for (const { index } of shardsOf(shards)) {
      await this.#rows.insert({
        ...{ _id: `${name}/${String(index)}-of-${String(shards)}`, v: 1, job: name, shard: index, shards },
        ...{ owner: '', fence: 0, leaseUntil: 0, startedAt: 0, endedAt: 0 },
        dueAt: now + randomInt(Math.min(everyMs, FIRST_RUN_WITHIN_MS) + 1),
        ...{ outcome: 'never', failures: 0, error: '', report: '{}' },
      });
    }
  }

  get #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  #lookLater(delayMs: number): void {
    if (this.#isStopping) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#looking = this.#look().finally(() => {
        this.#lookLater(randomInt(Math.ceil(this.#options.pollMs / 2), this.#options.pollMs + 1));
      });
    }, delayMs).unref();
  }

  /** Takes what is due while there is room; never rejects. */
  async #look(): Promise<void> {
    const { clock, concurrency, logger } = this.#options;
    try {
      const room = concurrency - this.#running.size;
      if (room <= 0) return;
      // More than there is room for: other workers take some of them first.
      const due = await this.#rows.due([...this.#jobs.keys()], clock.now(), concurrency * 4);
      for (const row of due) {
        if (this.#isStopping || this.#running.size >= concurrency) return;
        await this.#take(row);
      }
    } catch (error) {
      logger.warn({ err: error }, 'jobs that are due could not be looked for');
    }
  }

  async #take(row: JobRow): Promise<void> {
    const { clock, leaseMs, node } = this.#options;
    const job = this.#jobs.get(row.job);
    const takenAt = clock.monotonic();
    const now = clock.now();
    const claimed = await this.#rows.claim(row, node, now, now + leaseMs);
    if (job === undefined || claimed === undefined) return;
    const running = this.#run(job, claimed, takenAt).finally(() => {
      this.#running.delete(running);
      this.#lookLater(0);
    });
    this.#running.add(running);
  }

  /** Never rejects. */
  async #run(job: Job, row: JobRow, takenAt: number): Promise<void> {
    const { clock, logger } = this.#options;
    const hold: JobHold = { id: row._id, owner: row.owner, fence: row.fence };
    const shard = shardsOf(row.shards)[row.shard];
    const lease = new Lease(this.#options, this.#rows, hold, takenAt);
    const signal = AbortSignal.any([lease.signal, this.#stopping.signal]);
    const startedAt = clock.monotonic();
    let ending: JobEnding;
    try {
      signal.throwIfAborted();
      if (shard === undefined) throw new RangeError(`${row._id} is no part`);
      const report = await job.run({ signal, shard, fence: row.fence });
      ending = this.#done(job, report);
      logger.info({ job: row._id, ms: Math.round(clock.monotonic() - startedAt), ...report }, 'job done');
    } catch (error) {
      ending = this.#isStopping ? this.#stopped(row) : this.#failed(job, row, error);
      if (lease.signal.aborted) logger.warn({ job: row._id }, 'another node has taken a job over');
      else if (!this.#isStopping) logger.error({ job: row._id, err: error }, 'job failed');
    }
    lease.end();
    try {
      if (!lease.signal.aborted) await this.#rows.finish(hold, ending);
    } catch (error) {
      // The lease runs out, and somebody does it again.
      logger.warn({ job: row._id, err: error }, 'the end of a job could not be noted');
    }
  }

  #done({ everyMs }: Job, report: JobReport): JobEnding {
    const now = this.#options.clock.now();
    const dueAt = now + jittered(everyMs);
    return { dueAt, endedAt: now, outcome: 'done', failures: 0, error: '', report: JSON.stringify(report) };
  }

  #failed({ everyMs }: Job, { failures }: JobRow, error: unknown): JobEnding {
    const now = this.#options.clock.now();
    const retryMs = Math.min(FIRST_RETRY_MS * 2 ** Math.min(failures, 20), LONGEST_RETRY_MS, everyMs);
    const text = (error instanceof Error ? error.message : String(error)).slice(0, LONGEST_ERROR);
    return { dueAt: now + jittered(retryMs), endedAt: now, outcome: 'failed', failures: failures + 1, error: text };
  }

  /** Due at once: another process goes on. */
  #stopped({ failures, error }: JobRow): JobEnding {
    const now = this.#options.clock.now();
    return { dueAt: now, endedAt: now, outcome: 'stopped', failures, error };
  }
}

/** Renews the hold while the work runs; its signal fires when the hold is lost or can no longer be proved. */
class Lease {
  readonly #options: JobRunnerOptions;
  readonly #rows: JobsCollection;
  readonly #hold: JobHold;
  readonly #lost = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  /** Monotonic; by this process's own clock, for which others' clocks do not matter. */
  #endsAt: number;
  #hasEnded = false;

  constructor(options: JobRunnerOptions, rows: JobsCollection, hold: JobHold, takenAt: number) {
    this.#options = options;
    this.#rows = rows;
    this.#hold = hold;
    this.#endsAt = takenAt + options.leaseMs;
    this.#renewLater();
  }

  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  end(): void {
    this.#hasEnded = true;
    clearTimeout(this.#timer);
  }

  #renewLater(): void {
    if (this.#hasEnded || this.#lost.signal.aborted) return;
    this.#timer = setTimeout(
      () => void this.#renew().then(() => this.#renewLater()),
      this.#options.leaseMs / 4,
    ).unref();
  }

  async #renew(): Promise<void> {
    const { clock, leaseMs } = this.#options;
    const askedAt = clock.monotonic();
    if (askedAt >= this.#endsAt) {
      this.#lose();
      return;
    }
    // A database that does not answer does not renew: the work ends before the lease does.
    const late = setTimeout(() => this.#lose(), this.#endsAt - askedAt);
    try {
      if (await this.#rows.renew(this.#hold, clock.now() + leaseMs)) this.#endsAt = askedAt + leaseMs;
      else this.#lose();
    } catch {
      // Tried again while the lease lasts.
    } finally {
      clearTimeout(late);
    }
  }

  #lose(): void {
    if (!this.#hasEnded) this.#lost.abort(new Lost('another node has taken the job over'));
  }
}

/** A tenth more or less, so that what began together does not stay together. */
function jittered(ms: number): number {
  return Math.round(ms * (0.9 + randomInt(2001) / 10_000));
}
