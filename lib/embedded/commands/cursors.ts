import { randomBytes } from 'node:crypto';
import type { Clock } from '../../kernel/clock.ts';
import { EngineError } from '../errors/failure.ts';
import type { CheckTime } from '../plan/query-stream.ts';

const IDLE_MS = 10 * 60 * 1000;
const MAX_CURSORS = 10_000;

/** Documents to be given out in batches. */
export interface DocumentSource {
  next(checkTime: CheckTime): Buffer | undefined;
  /** Lets go of what was read ahead; called between commands. */
  pause(): void;
}

export interface OpenCursor {
  readonly id: bigint;
  readonly namespace: string;
  readonly source: DocumentSource;
  /** A document that did not fit into the last batch. */
  held: Buffer | undefined;
  usedAt: number;
}

/** Cursors between their batches. They hold a place in the keyspace, never a transaction. */
export class Cursors {
  readonly #clock: Clock;
  readonly #open = new Map<bigint, OpenCursor>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#open.size;
  }

  add(namespace: string, source: DocumentSource, held: Buffer | undefined): OpenCursor {
    this.expire();
    if (this.#open.size >= MAX_CURSORS) throw new EngineError(8, `more than ${MAX_CURSORS} cursors are open`);
    const id = (randomBytes(8).readBigInt64LE() & 0x7fffffffffffffffn) | 1n;
    const cursor: OpenCursor = { id, namespace, source, held, usedAt: this.#clock.monotonic() };
    this.#open.set(id, cursor);
    return cursor;
  }

  /** @throws EngineError 43 for one that is gone or another collection's */
  find(id: bigint, namespace: string): OpenCursor {
    const cursor = this.#open.get(id);
    if (cursor?.namespace !== namespace) throw new EngineError(43, `cursor id ${id} not found`);
    cursor.usedAt = this.#clock.monotonic();
    return cursor;
  }

  remove(id: bigint): boolean {
    return this.#open.delete(id);
  }

  /** Closes what nobody has asked for in ten minutes. */
  expire(): void {
    const oldest = this.#clock.monotonic() - IDLE_MS;
    for (const [id, cursor] of this.#open) if (cursor.usedAt < oldest) this.#open.delete(id);
  }
}
