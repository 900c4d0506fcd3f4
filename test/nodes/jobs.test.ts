import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Database } from '../../lib/db/index.ts';
import {
  defineJob,
  createJobRunner,
  listJobs,
  type Job,
  type JobRunner,
  type JobStatus,
} from '../../lib/jobs/index.ts';
import { shardsOf } from '../../lib/jobs/job.ts';
import { systemClock, type Clock } from '../../lib/kernel/clock.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { openTestDatabase } from '../support/database.ts';
import { EVERY_ROW } from '../support/every-row.ts';

const LEASE_MS = 400;

describe('parts of a job', () => {
  it('cover the space of keys without a gap and without an overlap', () => {
    for (const count of [1, 2, 3, 7, 16, 1000]) {
      const shards = shardsOf(count);
      assert.equal(shards.length, count);
      assert.equal(shards[0]?.from, '');
      assert.equal(shards.at(-1)?.to, undefined);
      for (let n = 1; n < count; n += 1) {
        assert.equal(shards[n]?.from, shards[n - 1]?.to);
        assert.ok((shards[n]?.from ?? '') > (shards[n - 1]?.from ?? ''));
      }
    }
  });

  it('names are checked', () => {
    assert.throws(() => defineJob({ name: 'A/b', everyMs: 1, run: async () => ({}) }), RangeError);
  });
});

describe('jobs', () => {
  let database: Database;
  const runners: JobRunner[] = [];

  before(async () => {
    database = await openTestDatabase();
  });
  beforeEach(async () => {
    await Promise.all(runners.splice(0).map((runner) => runner.stop()));
    await database.db.collection('jobs').deleteMany(EVERY_ROW);
  });
  after(async () => {
    await Promise.all(runners.map((runner) => runner.stop()));
    await database.close();
  });

  async function start(
    node: string,
    job: Job,
    clock: Clock = systemClock,
    db: Database = database,
  ): Promise<JobRunner> {
    const runner = createJobRunner({
      ...{ database: db, clock, logger: silentLogger, node, jobs: [job] },
      ...{ leaseMs: LEASE_MS, pollMs: 50, concurrency: 2 },
    });
    runners.push(runner);
    await runner.start();
    return runner;
  }

  const status = (): Promise<readonly JobStatus[]> => listJobs({ database, clock: systemClock });
  async function until(isTrue: (rows: readonly JobStatus[]) => boolean): Promise<readonly JobStatus[]> {
    for (;;) {
      const rows = await status();
      if (isTrue(rows)) return rows;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  it('are each done by one at a time, split among workers, again and again', async () => {
    const done: string[] = [];
    const underWay = new Map<number, number>();
    let worst = 0;
    const jobOf = (node: string): Job =>
      defineJob({
        name: 'count-things',
        everyMs: 20,
        shards: 4,
        run: async ({ shard }) => {
          const now = (underWay.get(shard.index) ?? 0) + 1;
          underWay.set(shard.index, now);
          worst = Math.max(worst, now);
          await new Promise((resolve) => setTimeout(resolve, 10));
          underWay.set(shard.index, now - 1);
          done.push(`${node} ${String(shard.index)}`);
          return { things: 7 };
        },
      });
    for (const node of ['one', 'two', 'three']) await start(node, jobOf(node));
    const rows = await until((all) => all.length === 4 && all.every(({ fence }) => fence >= 5));
    assert.equal(worst, 1);
    assert.ok(new Set(done.map((text) => text.split(' ')[0])).size > 1, 'work is shared');
    assert.ok(rows.every(({ failures, error }) => failures === 0 && error === ''));
    assert.deepEqual(rows.find(({ state }) => state === 'done')?.report ?? { things: 7 }, { things: 7 });
  });

  it('that fail are tried again later, with the reason to be seen', async () => {
    await start(
      'one',
      defineJob({ name: 'fail-always', everyMs: 30, run: () => Promise.reject(new Error('no luck')) }),
    );
    const [row] = await until(([first]) => (first?.failures ?? 0) >= 3);
    assert.equal(row?.error, 'no luck');
  });

  it('of a process that dies are taken over once its lease is over, with a higher fence', async () => {
    const job = (run: Job['run']): Job => defineJob({ name: 'take-over', everyMs: 10, run });
    // A dead process: its runner cannot renew and never ends.
    const died = Promise.withResolvers<undefined>();
    const dead = createJobRunner({
      ...{ database: unanswering(database, died.promise), clock: systemClock, logger: silentLogger, node: 'dead' },
      ...{ jobs: [job(() => new Promise(() => undefined))], leaseMs: LEASE_MS, pollMs: 50, concurrency: 1 },
    });
    await dead.start();
    const [claimed] = await until(([row]) => row?.state === 'running');
    assert.equal(claimed?.node, 'dead');
    died.resolve(undefined);
    const fences: number[] = [];
    await start(
      'alive',
      job(async ({ fence }) => {
        fences.push(fence);
        return {};
      }),
    );
    const [row] = await until(([first]) => first?.node === 'alive' && first.state === 'done');
    assert.ok((fences[0] ?? 0) > claimed.fence);
    assert.ok((row?.fence ?? 0) > claimed.fence);
  });

  it('a worker that was held up past its lease stops, and its late writes and its report change nothing', async () => {
    // What the job does: raise a counter, on condition of the rev that was read. One row stands for all of them.
    const things = database.db.collection<{ _id: string; rev: number; by: string }>('things');
    await things.insertOne({ _id: 'x', rev: 0, by: '' });
    const [held, freed] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
    const late = Promise.withResolvers<{ matched: number; isAborted: boolean }>();
    const died = Promise.withResolvers<undefined>();
    const slow = defineJob({
      name: 'raise-thing',
      everyMs: 60_000,
      run: async ({ signal }) => {
        const read = await things.findOne({ _id: 'x' });
        held.resolve(undefined);
        // Suspended here, as by SIGSTOP; the rest of the process too: it does not renew.
        await freed.promise;
        const { matchedCount } = await things.updateOne(
          { _id: 'x', rev: read?.rev ?? -1 },
          { $set: { by: 'late' }, $inc: { rev: 1 } },
        );
        late.resolve({ matched: matchedCount, isAborted: signal.aborted });
        return { raised: 1000 };
      },
    });
    const owner = createJobRunner({
      ...{ database: unanswering(database, died.promise), clock: systemClock, logger: silentLogger, node: 'late' },
      ...{ jobs: [slow], leaseMs: LEASE_MS, pollMs: 20, concurrency: 1 },
    });
    await owner.start();
    await database.db.collection('jobs').updateMany(EVERY_ROW, { $set: { dueAt: 0 } });
    await held.promise;
    died.resolve(undefined);
    await start(
      'quick',
      defineJob({
        name: 'raise-thing',
        everyMs: 60_000,
        run: async () => {
          const read = await things.findOne({ _id: 'x' });
          await things.updateOne({ _id: 'x', rev: read?.rev ?? -1 }, { $set: { by: 'quick' }, $inc: { rev: 1 } });
          return { raised: 1 };
        },
      }),
    );
    const [before] = await until(([row]) => row?.node === 'quick' && row.state === 'done');
    freed.resolve(undefined);
    assert.deepEqual(await late.promise, { matched: 0, isAborted: true });
    await owner.stop();
    assert.deepEqual(await things.findOne({ _id: 'x' }), { _id: 'x', rev: 1, by: 'quick' });
    const [after] = await status();
    assert.deepEqual(after, before);
    assert.deepEqual(after?.report, { raised: 1 });
  });

  it('of a process that stops are told to end and go on elsewhere at once', async () => {
    const begun = Promise.withResolvers<undefined>();
    const first = await start(
      'first',
      defineJob({
        name: 'long-work',
        everyMs: 10,
        run: ({ signal }) =>
          new Promise((_resolve, reject) => {
            begun.resolve(undefined);
            signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
          }),
      }),
    );
    await begun.promise;
    await first.stop();
    const [stopped] = await status();
    assert.equal(stopped?.state, 'stopped');
    assert.equal(stopped.failures, 0);
    await start('second', defineJob({ name: 'long-work', everyMs: 10, run: async () => ({}) }));
    await until(([row]) => row?.node === 'second' && row.state === 'done');
  });
});

/** The same database for a process that from some moment on gets no answer to anything it writes to `jobs`. */
function unanswering(database: Database, since: Promise<unknown>): Database {
  let isDead = false;
  void since.then(() => (isDead = true));
  return {
    ...database,
    collection: (name) => {
      const rows = database.collection(name);
      return new Proxy(rows, {
        get: (target, key) => {
          const value: unknown = Reflect.get(target, key);
          if (typeof value !== 'function') return value;
          return (...args: unknown[]): unknown =>
            isDead && key === 'updateOne' ? new Promise(() => undefined) : Reflect.apply(value, target, args);
        },
      }) as never;
    },
  };
}
