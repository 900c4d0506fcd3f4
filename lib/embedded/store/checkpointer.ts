import { Worker } from 'node:worker_threads';
import type { Store } from './store.ts';

/** A checkpoint is worth its writes once the log holds this much. */
const PASSIVE_OCTETS = 4 * 1024 * 1024;
/** Passive checkpoints alone let a busy log grow without end: from here on it is cut. */
const TRUNCATE_OCTETS = 32 * 1024 * 1024;

/** Keeps the write-ahead log short from a worker thread. */
export class Checkpointer {
  readonly #store: Store;
  readonly #worker: Worker;
  readonly #onFailure: (message: string) => void;
  #isBusy = false;
  #isClosing = false;
  /** Size of the log when it was last looked at by a checkpoint: a log that has not grown needs none. */
  #lastSize = 0;

  constructor(store: Store, file: string, onFailure: (message: string) => void) {
    this.#store = store;
    this.#onFailure = onFailure;
    this.#worker = new Worker(new URL('./checkpoint-worker.ts', import.meta.url), { workerData: { file } });
    this.#worker.unref();
    this.#worker.on('message', ({ failure }: { failure?: string }) => {
      this.#isBusy = false;
      if (failure !== undefined) this.#onFailure(failure);
    });
    this.#worker.on('error', (error) => {
      this.#isBusy = true;
      this.#onFailure(error.message);
    });
  }

  /** To be called after commits. */
  afterCommit(committedOctets: number): void {
    this.#lastSize += committedOctets;
    if (this.#isBusy || this.#isClosing || this.#lastSize < PASSIVE_OCTETS) return;
    const { log } = this.#store.sizes();
    this.#lastSize = 0;
    this.#isBusy = true;
    this.#worker.postMessage(log > TRUNCATE_OCTETS ? 'truncate' : 'passive');
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.#worker.ref();
    const ended = new Promise((resolve) => this.#worker.once('exit', resolve));
    this.#worker.postMessage('close');
    await ended;
  }
}
