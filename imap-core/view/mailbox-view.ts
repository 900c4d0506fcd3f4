import type { MessageSet } from '../protocol/message-set.ts';
import { mergeRanges, resolveSet } from '../protocol/message-set.ts';
import { type NumberRange, type UidRanges, withoutRanges } from '../protocol/number-range.ts';
import type { ColumnView, MailboxEvent, MessageRow, SelectedMailbox } from '../session/selected-mailbox.ts';
import { SyntaxFault } from '../wire/faults.ts';
import { GoneMessages, rowAt } from './gone-messages.ts';

/** What the client has not been told yet. */
export interface Updates {
  /** Sequence numbers in descending order, so that none is shifted by those before it. */
  readonly expunged: readonly number[];
  /** The new number of messages, where it is to be told. */
  readonly exists: number | undefined;
  readonly recent: number | undefined;
  /** Ascending positions (0-based) of messages whose flags changed. */
  readonly flagsChanged: readonly NumberRange[];
}

/** A message as the client numbers it and as storage knows it. */
export interface MessagePlace {
  /** 0-based. */
  readonly position: number;
  readonly uid: number;
  readonly messageId: string;
}

/** Messages that lie side by side in columns, at `at` there and at `position` in the client's view. */
export interface ColumnSpan {
  readonly columns: ColumnView;
  readonly at: number;
  readonly position: number;
  readonly count: number;
  /** True where the messages are gone and the client has not been told. */
  readonly isGone: boolean;
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
  readonly #gone = new GoneMessages();
  #flagEvents: UidRanges[] = [];
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
    const row = this.mailbox.row(uid);
    if (row !== undefined) return row;
    const gone = this.#gone.find(uid);
    return gone === undefined ? undefined : rowAt(gone.columns, gone.at);
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
    return largest === undefined ? [] : this.positionsOf(resolveSet(set, largest));
  }

  /** The positions of those of the UIDs that the client knows. */
  positionsOf(uids: UidRanges): NumberRange[] {
    const ranges: NumberRange[] = [];
    for (const { from, to } of uids) {
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
    if (this.#ghostCount === 0) return false;
    const current = this.mailbox.uids();
    return positions.some(({ from, to }) => {
      const left = lowerBound(current, this.uidAt(to) + 1) - lowerBound(current, this.uidAt(from));
      return left < to - from + 1;
    });
  }

  /** True where the message is gone and the client has not been told. */
  isGhost(position: number): boolean {
    if (this.#ghostCount === 0) return false;
    const current = this.mailbox.uids();
    const uid = this.uidAt(position);
    return current[lowerBound(current, uid)] !== uid;
  }

  /**
   * Goes through positions with the columns that hold each: the mailbox's own, or the single row of a message that
   * is gone. Synchronous; nothing may be awaited between two calls of `visit`.
   */
  eachColumn(from: number, to: number, visit: (columns: ColumnView, at: number, position: number) => void): void {
    for (const { columns, at, position, count } of this.spans(from, to)) {
      for (let index = 0; index < count; index += 1) visit(columns, at + index, position + index);
    }
  }

  /**
   * The positions as runs of messages that lie side by side in columns. Nothing may be awaited while they are gone
   * through.
   */
  *spans(from: number, to: number): Generator<ColumnSpan, void, undefined> {
    const columns = this.mailbox.columns();
    if (this.#ghostCount === 0) {
      // Then the client knows the first of the mailbox's messages, and all of those.
      if (from <= to) yield { columns, at: from, position: from, count: to - from + 1, isGone: false };
      return;
    }
    let at = columns.lowerBound(this.uidAt(from));
    for (let position = from; position <= to;) {
      const uid = this.uidAt(position);
      while (at < columns.count && columns.uid(at) < uid) at += 1;
      let count = 0;
      while (
        position + count <= to &&
        at + count < columns.count &&
        columns.uid(at + count) === this.uidAt(position + count)
      )
        count += 1;
      if (count > 0) {
        yield { columns, at, position, count, isGone: false };
        position += count;
        at += count;
        continue;
      }
      const gone = this.#gone.find(uid);
      if (gone !== undefined) yield { columns: gone.columns, at: gone.at, position, count: 1, isGone: true };
      position += 1;
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
    return this.#flagEvents.length > 0 || this.mailbox.uids().length !== this.count || this.#ghostCount > 0;
  }

  /**
   * Takes what may be told now; from then on the client's view is the new one.
   * @param mayExpunge false while sequence numbers are in use: expunges go on waiting
   */
  takeUpdates(mayExpunge: boolean): Updates {
    const current = this.mailbox.uids();
    const before = this.count;
    const expunged = mayExpunge ? this.#ghostNumbers(current) : [];
    if (mayExpunge) {
      this.#gone.clear();
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
  settleFlags(settled: UidRanges): void {
    this.#flagEvents = this.#flagEvents.map((uids) => withoutRanges(uids, settled)).filter((uids) => uids.length > 0);
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
        // What came and went unseen is never mentioned.
        if (event.gone.uid(0) <= this.uidAt(this.count - 1)) this.#gone.add(event.gone);
        break;
      case 'deleted':
        this.#onDeleted();
        return;
    }
    this.#wake?.();
  }

  /** The client's view with what was appended, ghosts kept in their places. */
  #withAppended(current: Uint32Array): Uint32Array {
    if (this.#ghostCount === 0) return current;
    const largest = this.#uids.at(-1) ?? 0;
    const appended = current.subarray(lowerBound(current, largest + 1));
    if (appended.length === 0) return this.#uids;
    const merged = new Uint32Array(this.#uids.length + appended.length);
    merged.set(this.#uids);
    merged.set(appended, this.#uids.length);
    return merged;
  }

  #takeFlagChanges(): readonly NumberRange[] {
    if (this.#flagEvents.length === 0) return [];
    const positions = mergeRanges(this.#flagEvents.flatMap((uids) => this.positionsOf(uids)));
    this.#flagEvents = [];
    return positions;
  }

  /** Messages that are gone and the client has not been told of: of those up to its last it knows all there are. */
  get #ghostCount(): number {
    return this.count - lowerBound(this.mailbox.uids(), this.uidAt(this.count - 1) + 1);
  }

  /** The numbers of messages that are gone, the highest first. */
  #ghostNumbers(current: Uint32Array): number[] {
    const numbers: number[] = [];
    let left = this.#ghostCount;
    let at = this.count - left - 1;
    for (let position = this.count - 1; left > 0; position -= 1) {
      if (at >= 0 && current[at] === this.#uids[position]) {
        at -= 1;
        continue;
      }
      numbers.push(position + 1);
      left -= 1;
    }
    return numbers;
  }
}
