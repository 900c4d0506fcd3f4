import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Clock } from '../../kernel/clock.ts';
import type { Checkpointer } from '../store/checkpointer.ts';
import type { Store } from '../store/store.ts';
import { BackupExistsError } from './backup.ts';
import { compact, type Compacted } from './compact.ts';
import type { CheckReport } from './damage.ts';
import type { ValidatedCollection } from './validate-collection.ts';

export type UpkeepTask =
  | { readonly kind: 'check' }
  | { readonly kind: 'validate'; readonly namespace: string }
  | { readonly kind: 'backup'; readonly path: string };

export type UpkeepAnswer = { readonly result: unknown } | { readonly failure: string; readonly isRefusal: boolean };

/** How long a task that is told to end may take for it, in milliseconds. */
const END_MS = 2000;

/** Another task is under way. */
export class UpkeepBusyError extends Error {
  override readonly name = 'UpkeepBusyError';
}

export interface UpkeepOptions {
  readonly file: string;
  readonly store: Store;
  readonly clock: Clock;
  readonly checkpointer: Pick<Checkpointer, 'holdForReader'>;
  /** Runs work in a transaction of the engine that is durable when this returns. @throws what keeps it from that */
  readonly transact: (work: () => void) => void;
}

/** Long work on the file of a running engine, one piece at a time, so that it never adds up. */
export class Upkeep {
  readonly #options: UpkeepOptions;
  #worker: Worker | undefined;
  #isBusy = false;
  #isClosed = false;

  constructor(options: UpkeepOptions) {
    this.#options = options;
  }

  /** Holds everything against everything else. @throws UpkeepBusyError */
  async check(): Promise<CheckReport> {
    return (await this.#run({ kind: 'check' })) as CheckReport;
  }

  /** @returns undefined where there is no such collection. @throws UpkeepBusyError */
  async validate(namespace: string): Promise<ValidatedCollection | undefined> {
    return (await this.#run({ kind: 'validate', namespace })) as ValidatedCollection | undefined;
  }

  /** @returns octets of the copy. @throws BackupExistsError, UpkeepBusyError */
  async backup(path: string): Promise<number> {
    return (await this.#run({ kind: 'backup', path })) as number;
  }

  /** Gives space of what was deleted back, in small steps on the engine's own thread. @throws UpkeepBusyError */
  async compact(): Promise<Compacted> {
    const { store, clock, transact } = this.#options;
    return this.#alone(() => compact({ store, clock, transact, isOver: () => this.#isClosed }));
  }

  /**
   * Ends what is under way; whoever waits for it is told.
   * @throws Error where it does not end in time: a thread deep in SQLite cannot be interrupted
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    const worker = this.#worker;
    if (worker === undefined) return;
    const isOver = await Promise.race([worker.terminate().then(() => true), delay(END_MS, false, { ref: false })]);
    if (!isOver) throw new Error('upkeep does not end');
  }

  async #alone<T>(run: () => Promise<T>): Promise<T> {
    if (this.#isBusy || this.#isClosed) throw new UpkeepBusyError('other upkeep is under way');
    this.#isBusy = true;
    try {
      return await run();
    } finally {
      this.#isBusy = false;
    }
  }

  async #run(task: UpkeepTask): Promise<unknown> {
    return this.#alone(async () => {
      const letGo = this.#options.checkpointer.holdForReader();
      const worker = new Worker(new URL('./upkeep-worker.ts', import.meta.url), {
        workerData: { file: this.#options.file, task },
        resourceLimits: { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 256 },
      });
      this.#worker = worker;
      const ended = new Promise((resolve) => worker.once('exit', resolve));
      try {
        const answer = await answerOf(worker);
        if ('result' in answer) return answer.result;
        throw answer.isRefusal ? new BackupExistsError(answer.failure) : new Error(answer.failure);
      } finally {
        // Its connections are closed when it has ended, and not before.
        await ended;
        this.#worker = undefined;
        letGo();
      }
    });
  }
}

function answerOf(worker: Worker): Promise<UpkeepAnswer> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the engine ended before its upkeep did')));
  });
}
