import type { Connection } from '../wire/connection.ts';
import type { Message } from '../wire/message.ts';
import type { Task } from './slices.ts';

/** A message that waits for its turn, and where its answer goes. */
export interface Asked {
  readonly message: Message;
  readonly isWrite: boolean;
  readonly reply: (document: Buffer) => void;
}

/**
 * The commands of one connection. Each begins when those before it are answered, so that it sees what they wrote;
 * only writes follow upon writes at once, for a commit takes them in their order anyhow.
 */
export class Lane {
  readonly connection: Connection;
  readonly #waiting: Asked[] = [];
  /** Writes that wait for their commit. */
  writes = 0;
  /** What is being read in slices. */
  reading: Task | undefined;
  /** True while work beside the engine is done for it. */
  isInTask = false;
  /** True while what may begin is being begun. */
  isAdvancing = false;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  add(asked: Asked): void {
    this.#waiting.push(asked);
  }

  /** The next that may begin now, undefined where there is none. */
  next(): Asked | undefined {
    const [first] = this.#waiting;
    if (first === undefined || this.reading !== undefined || this.isInTask) return undefined;
    // The replies would be held in memory, each of up to 48 MB.
    if (this.connection.isFull) return undefined;
    if (!first.isWrite && this.writes > 0) return undefined;
    return this.#waiting.shift();
  }

  /** Forgets what has not begun. */
  clear(): void {
    this.#waiting.length = 0;
  }
}
