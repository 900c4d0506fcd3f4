import { Worker } from 'node:worker_threads';
import type { Store } from './store.ts';

/** A checkpoint is worth its writes once the log holds this much. */
const PASSIVE_OCTETS = 4 * 1024 * 1024;
/** Passive checkpoints alone let a busy log grow without end: from here on it is begun anew. */
const RESTART_OCTETS = 32 * 1024 * 1024;

/** Keeps the write-ahead log short from a worker thread, which starts when it is first needed. */
export class Checkpointer {
  readonly #store: Store;
  readonly #file: string;
  readonly #onFailure: (message: string) => void;
  #worker: Worker | undefined;
  #isBusy = false;
  #isClosing = false;
  /** Connections that read for long. */
  #readers = 0;
  /** Roughly what went into the log since the last checkpoint. */
  #pending = 0;

  constructor(store: Store, file: string, onFailure: (message: string) => void) {
    this.#store = store;
    this.#file = file;
    this.#onFailure = onFailure;
  }

  /** To be called after commits, with roughly what they wrote. */
  afterCommit(octets: number): void {
    this.#pending += octets;
    if (this.#isBusy || this.#isClosing || this.#pending < PASSIVE_OCTETS) return;
    const { logInUse } = this.#store.sizes();
    this.#pending = 0;
    this.#isBusy = true;
    this.#worker ??= this.#start();
    this.#worker.postMessage(logInUse > RESTART_OCTETS && this.#readers === 0 ? 'restart' : 'passive');
  }

  /**
   * To be held while some other connection reads a state of the file for long: a log that is begun anew would wait for
   * it, and every writer for that. The log grows meanwhile by what is written.
   * @returns how to let go
   */
  holdForReader(): () => void {
    this.#readers += 1;
    let isHeld = true;
    return () => {
      if (isHeld) this.#readers -= 1;
      isHeld = false;
    };
  }

  #start(): Worker {
    const worker = new Worker(new URL('./checkpoint-worker.ts', import.meta.url), {
      workerData: { file: this.#file },
      resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 16 },
    });
    worker.unref();
    worker.on('message', ({ failure }: { failure?: string }) => {
      this.#isBusy = false;
      if (failure !== undefined) this.#onFailure(failure);
    });
    worker.on('error', (error: Error) => {
      this.#isBusy = false;
      this.#worker = undefined;
      this.#onFailure(error.message);
    });
    return worker;
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    const worker = this.#worker;
    if (worker === undefined) return;
    worker.ref();
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    worker.postMessage('close');
    await ended;
  }
}
