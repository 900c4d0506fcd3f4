import { randomBytes } from 'node:crypto';
import type { Clock } from '../../kernel/clock.ts';
import { EngineError } from '../errors/failure.ts';
import type { Paused, Slice } from '../plan/slice.ts';

const IDLE_MS = 10 * 60 * 1000;
/** A cursor that does not time out by itself goes with its session, which lives half an hour behind its last use. */
const SESSION_MS = 30 * 60 * 1000;
const MAX_CURSORS = 10_000;

/** Documents to be given out in batches. */
export interface DocumentSource {
  next(slice: Slice): Buffer | undefined | Paused;
  /** Lets go of what was read ahead; called before others may write. */
  pause(): void;
  /** Gives back its memory; called once, at the end. */
  close(): void;
}

/** Who opened a cursor. */
export interface CursorOwner {
  readonly connectionId: number;
  /** The octets of the session's id; undefined where the command had none. */
  readonly session: string | undefined;
}

export interface OpenCursor {
  readonly id: bigint;
  readonly namespace: string;
  readonly source: DocumentSource;
  readonly owner: CursorOwner;
  readonly neverIdles: boolean;
  /** What is left of the time that the command which opened it gave for all batches together, in milliseconds. */
  remainingMs: number | undefined;
  /** A document that did not fit into the last batch. */
  held: Buffer | undefined;
  usedAt: number;
  /** True while a batch is being read. */
  isBusy: boolean;
  /** True once it was killed while it was busy. */
  isKilled: boolean;
}

/** Cursors between their batches. They hold a place in the keyspace, never a transaction. */
export class Cursors {
  readonly #clock: Clock;
  /** In the order in which they were used last. */
  readonly #open = new Map<bigint, OpenCursor>();
  /** Connections that have ended while cursors of theirs were open. */
  readonly #gone = new Set<number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#open.size;
  }

  /** @throws EngineError 8 where too many are open and none can be spared */
  add(cursor: Pick<OpenCursor, 'namespace' | 'source' | 'owner' | 'neverIdles' | 'held' | 'remainingMs'>): OpenCursor {
    if (this.#open.size >= MAX_CURSORS) this.expire();
    if (this.#open.size >= MAX_CURSORS && !this.spare()) {
      throw new EngineError(8, `more than ${MAX_CURSORS} cursors are open`);
    }
    const id = (randomBytes(8).readBigInt64LE() & 0x7fffffffffffffffn) | 1n;
    const opened = { ...cursor, id, usedAt: this.#clock.monotonic(), isBusy: false, isKilled: false };
    this.#open.set(id, opened);
    return opened;
  }

  /**
   * A cursor for its next batch; it is busy until `release`.
   * @throws EngineError 43 for one that is gone, 13 for another collection's, 50736 to 50738 for another session's,
   *   12051 while its last batch is still being read
   */
  take(id: bigint, namespace: string, session: string | undefined): OpenCursor {
    const cursor = this.#open.get(id);
    if (cursor === undefined) throw new EngineError(43, `cursor id ${id} not found`);
    if (cursor.namespace !== namespace) {
      throw new EngineError(13, `Requested getMore on namespace '${namespace}', but cursor belongs to another`);
    }
    const own = cursor.owner.session;
    if (session === undefined && own !== undefined) {
      throw new EngineError(50736, `Cannot run getMore on cursor ${id}, which was created in a session, without one`);
    }
    if (session !== undefined && own === undefined) {
      throw new EngineError(50737, `Cannot run getMore on cursor ${id}, which was created without a session, in one`);
    }
    if (session !== own) {
      throw new EngineError(50738, `Cannot run getMore on cursor ${id}, which was created in another session`);
    }
    if (cursor.isBusy) throw new EngineError(12051, `cursor id ${id} is already in use`);
    cursor.isBusy = true;
    this.#touch(cursor);
    return cursor;
  }

  /** To be called after each batch. */
  release(cursor: OpenCursor): void {
    cursor.isBusy = false;
    if (cursor.isKilled) cursor.source.close();
    else this.#touch(cursor);
  }

  /** @returns false where there is none */
  remove(id: bigint): boolean {
    const cursor = this.#open.get(id);
    if (cursor === undefined) return false;
    this.#open.delete(id);
    cursor.isKilled = true;
    // What is being read is stopped at its next step and closed then.
    if (!cursor.isBusy) cursor.source.close();
    return true;
  }

  /** Keeps the cursors of these sessions as if they had been used. */
  refresh(sessions: ReadonlySet<string>): void {
    for (const cursor of this.#of(sessions)) this.#touch(cursor);
  }

  /** Closes the cursors of sessions that have ended. */
  endSessions(sessions: ReadonlySet<string>): void {
    for (const { id } of this.#of(sessions)) this.remove(id);
  }

  /** To be called when a connection has ended. Its cursors stay, for another connection of its client may go on. */
  orphan(connectionId: number): void {
    for (const { owner } of this.#open.values()) {
      if (owner.connectionId !== connectionId) continue;
      this.#gone.add(connectionId);
      return;
    }
  }

  /** Closes the cursor that has been idle for longest among those whose connection has ended. */
  spare(): boolean {
    if (this.#gone.size === 0) return false;
    for (const { id, owner, isBusy } of this.#open.values()) {
      if (!isBusy && this.#gone.has(owner.connectionId)) return this.remove(id);
    }
    this.#gone.clear();
    return false;
  }

  /** Closes what nobody has asked for in ten minutes. */
  expire(): void {
    const now = this.#clock.monotonic();
    for (const { id, usedAt, neverIdles, isBusy } of this.#open.values()) {
      if (now - usedAt <= IDLE_MS) return;
      if (!isBusy && now - usedAt > (neverIdles ? SESSION_MS : IDLE_MS)) this.remove(id);
    }
  }

  #of(sessions: ReadonlySet<string>): OpenCursor[] {
    return [...this.#open.values()].filter(({ owner }) => owner.session !== undefined && sessions.has(owner.session));
  }

  #touch(cursor: OpenCursor): void {
    if (cursor.isKilled) return;
    cursor.usedAt = this.#clock.monotonic();
    this.#open.delete(cursor.id);
    this.#open.set(cursor.id, cursor);
  }
}
