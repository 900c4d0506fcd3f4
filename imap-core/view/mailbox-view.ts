import type { MessageSet } from '../protocol/message-set.ts';
import { resolveSet } from '../protocol/message-set.ts';
import type { NumberRange, UidRanges } from '../protocol/number-range.ts';
import type { ColumnView, MailboxEvent, MessageRow, SelectedMailbox } from '../session/selected-mailbox.ts';
import { SyntaxFault } from '../wire/faults.ts';

/** What the client has not been told yet. */
export interface Updates {
  /** Sequence numbers in descending order, so that none is shifted by those before it. */
  readonly expunged: readonly number[];
  /** The new number of messages, where it is to be told. */
  readonly exists: number | undefined;
  readonly recent: number | undefined;
  /** Ascending positions (0-based) of messages whose flags changed. */
  readonly flagsChanged: readonly number[];
}

/** A message as the client numbers it and as storage knows it. */
export interface MessagePlace {
  /** 0-based. */
  readonly position: number;
  readonly uid: number;
  readonly messageId: string;
}

/** Messages looked up together by `places`. */
const PLACES = 256;

/** Position of the first element ≥ the value. */
function lowerBound(values: Uint32Array, value: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((values[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The selected mailbox as this session's client has been told of it: a message's sequence number is its position
 * here plus one. Storage runs ahead; what happened since waits until it may be told (RFC 3501 section 7.4.1).
 */
export class MailboxView {
  readonly mailbox: SelectedMailbox;
  readonly isReadOnly: boolean;
  /** The UIDs that the client knows of; the storage's own array, or one of ours. Never written to. */
  #uids: Uint32Array;
  /** Expunged, not told: still served. */
  readonly #ghosts = new Map<number, MessageRow>();
  #flagEvents: (readonly number[])[] = [];
  #wake: (() => void) | undefined;
  readonly #onDeleted: () => void;

  constructor(mailbox: SelectedMailbox, isReadOnly: boolean, onDeleted: () => void) {
    this.mailbox = mailbox;
    this.isReadOnly = isReadOnly;
    this.#onDeleted = onDeleted;
    this.#uids = mailbox.uids();
    mailbox.onEvent((event) => this.#receive(event));
  }

  /** Messages that the client knows of. */
  get count(): number {
    return this.#uids.length;
  }

  get recentCount(): number {
    return this.count - lowerBound(this.#uids, this.mailbox.recentFrom);
  }

  isRecent(uid: number): boolean {
    return uid >= this.mailbox.recentFrom;
  }

  uidAt(position: number): number {
    return this.#uids[position] ?? 0;
  }

  /** 0-based; undefined where the client does not know the UID. */
  positionOf(uid: number): number | undefined {
    const position = lowerBound(this.#uids, uid);
    return this.#uids[position] === uid ? position : undefined;
  }

  /** The message's row, also when it is gone but the client has not been told. */
  rowAt(position: number): MessageRow | undefined {
    const uid = this.uidAt(position);
    return this.mailbox.row(uid) ?? this.#ghosts.get(uid);
  }

  /**
   * The set as ranges of 0-based positions, ascending. UIDs that are not there are passed over; sequence numbers
   * must be (RFC 3501 section 6.4.8).
   * @throws SyntaxFault for a sequence number that the client cannot know
   */
  resolve(set: MessageSet, isUid: boolean): readonly NumberRange[] {
    if (isUid) return this.#resolveUids(set);
    if (this.count === 0 && set.some((range) => range.to === Infinity || range.from === Infinity)) return [];
    return resolveSet(set, this.count).map(({ from, to }) => {
      if (from < 1 || to > this.count) throw new SyntaxFault('No such sequence number');
      return { from: from - 1, to: to - 1 };
    });
  }

  #resolveUids(set: MessageSet): readonly NumberRange[] {
    const largest = this.#uids.at(-1);
    if (largest === undefined) return [];
    const ranges: NumberRange[] = [];
    for (const { from, to } of resolveSet(set, largest)) {
      const first = lowerBound(this.#uids, from);
      const last = lowerBound(this.#uids, to + 1) - 1;
      if (first <= last) ranges.push({ from: first, to: last });
    }
    return ranges;
  }

  /**
   * Positions as UIDs. Between two UIDs that the client knows there is none that it does not: UIDs are only ever
   * added above the largest.
   */
  uidRanges(positions: readonly NumberRange[]): UidRanges {
    return positions.map(({ from, to }) => ({ from: this.uidAt(from), to: this.uidAt(to) }));
  }

  /** True where a message at these positions is gone and the client has not been told. */
  hasGhost(positions: readonly NumberRange[]): boolean {
    for (const uid of this.#ghosts.keys()) {
      const position = this.positionOf(uid);
      if (position !== undefined && positions.some(({ from, to }) => position >= from && position <= to)) return true;
    }
    return false;
  }

  /** True where the message is gone and the client has not been told. */
  isGhost(position: number): boolean {
    return this.#ghosts.size > 0 && this.#ghosts.has(this.uidAt(position));
  }

  /**
   * Goes through positions with the columns that hold each: the mailbox's own, or the single row of a message that
   * is gone. Synchronous; nothing may be awaited between two calls of `visit`.
   */
  eachColumn(from: number, to: number, visit: (columns: ColumnView, at: number, position: number) => void): void {
    const columns = this.mailbox.columns();
    if (this.#ghosts.size === 0) {
      // Then the client knows the first of the mailbox's messages, and all of those.
      for (let position = from; position <= to; position += 1) visit(columns, position, position);
      return;
    }
    let at = columns.lowerBound(this.uidAt(from));
    for (let position = from; position <= to; position += 1) {
      const uid = this.uidAt(position);
      while (at < columns.count && columns.uid(at) < uid) at += 1;
      if (at < columns.count && columns.uid(at) === uid) {
        visit(columns, at, position);
      } else {
        const ghost = this.#ghosts.get(uid);
        if (ghost !== undefined) visit(columnsOf(ghost), 0, position);
      }
    }
  }

  /**
   * The messages at the positions whose modseq is above `changedSince`, looked up as they are taken. The client's
   * numbering must stay as it is meanwhile.
   */
  *places(ranges: readonly NumberRange[], changedSince: number): Iterable<MessagePlace> {
    for (const { from, to } of ranges) {
      for (let start = from; start <= to; start += PLACES) {
        const places: MessagePlace[] = [];
        this.eachColumn(start, Math.min(to, start + PLACES - 1), (columns, at, position) => {
          if (columns.modseq(at) > changedSince)
            places.push({ position, uid: columns.uid(at), messageId: columns.messageId(at) });
        });
        yield* places;
      }
    }
  }

  get hasUpdates(): boolean {
    return this.#ghosts.size > 0 || this.#flagEvents.length > 0 || this.mailbox.uids().length !== this.#uids.length;
  }

  /**
   * Takes what may be told now; from then on the client's view is the new one.
   * @param mayExpunge false while sequence numbers are in use: expunges go on waiting
   */
  takeUpdates(mayExpunge: boolean): Updates {
    const expunged: number[] = [];
    const current = this.mailbox.uids();
    const before = this.count;
    if (mayExpunge) {
      for (const uid of this.#ghosts.keys()) {
        const position = this.positionOf(uid);
        if (position !== undefined) expunged.push(position + 1);
      }
      expunged.sort((a, b) => b - a);
      this.#ghosts.clear();
      this.#uids = current;
    } else {
      this.#uids = this.#withAppended(current);
    }
    const hasNew = this.count !== before - expunged.length;
    return {
      expunged,
      exists: hasNew ? this.count : undefined,
      recent: hasNew ? this.recentCount : undefined,
      flagsChanged: this.#takeFlagChanges(),
    };
  }

  /** Forgets that flags of these UIDs changed: the client has just been told, or did it and does not want to hear. */
  settleFlags(isSettled: (uid: number) => boolean): void {
    this.#flagEvents = this.#flagEvents
      .map((uids) => uids.filter((uid) => !isSettled(uid)))
      .filter((uids) => uids.length > 0);
  }

  /** The listener is called, once for each change, when there is something to tell. At most one. */
  watch(listener: () => void): () => void {
    this.#wake = listener;
    return () => {
      this.#wake = undefined;
    };
  }

  close(): void {
    this.#wake = undefined;
    this.mailbox.close();
  }

  #receive(event: MailboxEvent): void {
    switch (event.kind) {
      case 'appended':
      case 'renamed':
        break;
      case 'flags-changed':
        this.#flagEvents.push(event.uids);
        break;
      case 'expunged':
        for (const row of event.rows) {
          // What came and went unseen is never mentioned.
          if (this.positionOf(row.uid) !== undefined) this.#ghosts.set(row.uid, row);
        }
        break;
      case 'deleted':
        this.#onDeleted();
        return;
    }
    this.#wake?.();
  }

  /** The client's view with what was appended, ghosts kept in their places. */
  #withAppended(current: Uint32Array): Uint32Array {
    if (this.#ghosts.size === 0) return current;
    const largest = this.#uids.at(-1) ?? 0;
    const appended = current.subarray(lowerBound(current, largest + 1));
    if (appended.length === 0) return this.#uids;
    const merged = new Uint32Array(this.#uids.length + appended.length);
    merged.set(this.#uids);
    merged.set(appended, this.#uids.length);
    return merged;
  }

  #takeFlagChanges(): readonly number[] {
    if (this.#flagEvents.length === 0) return [];
    const positions = new Set<number>();
    for (const uids of this.#flagEvents) {
      for (const uid of uids) {
        const position = this.positionOf(uid);
        if (position !== undefined && !this.#ghosts.has(uid)) positions.add(position);
      }
    }
    this.#flagEvents = [];
    return [...positions].sort((a, b) => a - b);
  }
}

function columnsOf(row: MessageRow): ColumnView {
  return {
    count: 1,
    uid: () => row.uid,
    messageId: () => row.messageId,
    modseq: () => row.modseq,
    systemFlags: () => row.flags.system,
    keywords: () => row.flags.keywords,
    size: () => row.size,
    internalDate: () => row.internalDate,
    sentDate: () => row.sentDate,
    lowerBound: (uid) => (uid <= row.uid ? 0 : 1),
  };
}
