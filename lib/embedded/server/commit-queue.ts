import { crashPoint } from '../../kernel/crash-point.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { EngineError } from '../errors/failure.ts';
import { LostOwnershipError } from '../store/owned-store.ts';
import type { Store } from '../store/store.ts';
import { errorReply, isDiskFull, isSyncFailure } from './error-reply.ts';

/** One commit takes at most so many commands and octets of them; what is left goes into the next. */
const MAX_TICK_COMMANDS = 1000;
const MAX_TICK_OCTETS = 16 * 1024 * 1024;

/** A small write touches so many pages of the tree, each of which goes into the log whole. */
const PAGES_A_COMMAND = 3;
const PAGE_OCTETS = 8192;

/** What waits for the next commit. */
export interface Write {
  readonly octets: number;
  /** @throws only what concerns the whole commit */
  readonly run: () => Buffer;
  /** Told once that is durable, or was undone. */
  readonly settle: (document: Buffer, isCommitted: boolean) => void;
}

interface CommitOptions {
  readonly store: Store;
  readonly catalog: Catalog;
  /** Told of each commit, of how many writes and octets of them, and of those that were undone. */
  readonly counters: { commits: number; writes: number };
  readonly onCommit: (octets: number) => void;
  readonly onFatal: (error: unknown) => void;
}

/** Writes gather while others commit, and one tick takes all that have gathered into one transaction. */
export class CommitQueue {
  readonly #options: CommitOptions;
  #queue: Write[] = [];
  #isTickDue = false;
  /** True once the store has failed for good: nothing is answered any more. */
  #hasFailed = false;

  constructor(options: CommitOptions) {
    this.#options = options;
  }

  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** Commits all that waits. */
  flush(): void {
    while (this.#queue.length > 0 && !this.#hasFailed) this.#tick();
  }

  add(write: Write): void {
    this.#queue.push(write);
    this.#schedule();
  }

  #tick(): void {
    this.#isTickDue = false;
    if (this.#queue.length === 0) return;
    const taken = this.#take();
    const replies: Buffer[] = [];
    const failure = this.commit(() => {
      for (const { run } of taken) replies.push(run());
    });
    if (this.#hasFailed) return;
    this.#options.counters.commits += 1;
    this.#options.counters.writes += taken.length;
    const failed = failure === undefined ? undefined : errorReply(failure);
    const octets = taken.reduce((sum, write) => sum + write.octets, 0);
    if (failed === undefined) this.#options.onCommit(octets + taken.length * PAGES_A_COMMAND * PAGE_OCTETS);
    taken.forEach(({ settle }, at) => settle(failed ?? (replies[at] as Buffer), failed === undefined));
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isTickDue || this.#queue.length === 0) return;
    this.#isTickDue = true;
    setImmediate(() => {
      if (!this.#hasFailed) this.#tick();
    });
  }

  #take(): Write[] {
    let octets = 0;
    let count = 0;
    for (const write of this.#queue) {
      if (count >= MAX_TICK_COMMANDS || (count > 0 && octets >= MAX_TICK_OCTETS)) break;
      octets += write.octets;
      count += 1;
    }
    return this.#queue.splice(0, count);
  }

  /** @returns why nothing was committed, undefined where all was */
  commit(work: () => void): unknown {
    const { store } = this.#options;
    try {
      store.begin();
      work();
    } catch (error) {
      this.#undo();
      // A large transaction writes to the log, and may sync it, before its end.
      if (isSyncFailure(error) || error instanceof LostOwnershipError) this.fail(error);
      return error;
    }
    try {
      crashPoint('engine.committing');
      store.commit();
      crashPoint('engine.committed');
      this.#options.catalog.settled();
      return undefined;
    } catch (error) {
      this.#undo();
      if (isDiskFull(error)) return new EngineError(14031, 'the disk is full');
      // After a failed fsync nobody knows what is on the disk: to acknowledge anything more would be a lie.
      this.fail(error);
      return error;
    }
  }

  #undo(): void {
    try {
      this.#options.store.rollback();
      this.#options.catalog.refresh();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Nothing is answered any more. */
  fail(error: unknown): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#options.onFatal(error);
  }
}
