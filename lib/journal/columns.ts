import type { MessageId, Uid } from '../kernel/ids.ts';
import type { AppendedRow } from './changes.ts';
import {
  allocateArrays,
  copyRows,
  OCTETS_A_ROW,
  packArrays,
  unpackArrays,
  type ColumnArrays,
} from './column-arrays.ts';
import {
  changedExtra,
  flagBits,
  flagMask,
  KEYWORD_SHIFT,
  NO_EXTRA,
  WORD_KEYWORDS,
  type FlagMask,
} from './flag-mask.ts';
import type { MessageRow, UidRanges } from './journal.ts';
import type { KeywordTable } from './keywords.ts';
import { TombstoneList } from './tombstones.ts';
import type { RangeBuilder } from './uid-set.ts';

/** Sums over messages, for counters. */
export interface Tally {
  octets: number;
  unseen: number;
  deleted: number;
}

/**
 * The messages of one mailbox as typed arrays. Flags change in place, appends grow the arrays, an expunge leaves
 * the array of UIDs that others may hold as it was and makes a new one.
 */
export class Columns {
  count = 0;
  /** Grows with every expunge, so that whoever walks by position notices. */
  generation = 0;
  /** What was expunged since these columns were loaded, or since the last fold. */
  readonly tombstones = new TombstoneList();
  #arrays: ColumnArrays;
  /** Whose the arrays are: rows, flags and the room after the last row may be another's, who reads them still. */
  #hasRows = true;
  #hasFlags = true;
  #hasTail = true;
  /** By UID: sorted keyword positions from 24 on. */
  readonly #extra = new Map<number, readonly number[]>();
  #view: Uint32Array | undefined;

  constructor(capacity = 0) {
    this.#arrays = allocateArrays(capacity);
  }

  /** For loops over many messages: of the first `count` rows, until the next change. Never written to. */
  get arrays(): Readonly<ColumnArrays> {
    return this.#arrays;
  }

  get hasExtraKeywords(): boolean {
    return this.#extra.size > 0;
  }

  /** Shared and never written to; see OpenMailbox.uids. */
  uids(): Uint32Array {
    this.#view ??= this.#arrays.uid.subarray(0, this.count);
    return this.#view;
  }

  uid(position: number): Uid {
    return (this.#arrays.uid[position] ?? 0) as Uid;
  }

  flagsWord(position: number): number {
    return this.#arrays.flags[position] ?? 0;
  }

  systemFlags(position: number): number {
    return this.flagsWord(position) & 0xff;
  }

  /** Keyword positions from 24 on; empty for nearly every message. */
  extraKeywords(position: number): readonly number[] {
    return this.#extra.size === 0 ? NO_EXTRA : (this.#extra.get(this.uid(position)) ?? NO_EXTRA);
  }

  keywords(position: number, table: KeywordTable): readonly string[] {
    const list = table.namesOf(this.flagsWord(position) >>> KEYWORD_SHIFT);
    const extra = this.extraKeywords(position);
    return extra.length === 0 ? list : [...list, ...extra.map((at) => table.names[at] ?? '')];
  }

  modseq(position: number): number {
    return this.#arrays.modseq[position] ?? 0;
  }

  size(position: number): number {
    return this.#arrays.size[position] ?? 0;
  }

  crlfSize(position: number): number {
    return this.#arrays.crlfSize[position] ?? 0;
  }

  savedAt(position: number): number {
    return this.#arrays.savedAt[position] ?? 0;
  }

  internalDate(position: number): MessageRow['internalDate'] {
    return { at: this.#arrays.internalAt[position] ?? 0, zoneMinutes: this.#arrays.internalZone[position] ?? 0 };
  }

  sentDate(position: number): MessageRow['sentDate'] {
    const at = this.#arrays.sentAt[position] ?? Number.NaN;
    return Number.isNaN(at) ? undefined : { at, zoneMinutes: this.#arrays.sentZone[position] ?? 0 };
  }

  messageId(position: number): MessageId {
    return this.#arrays.messageId.toString('hex', position * 16, position * 16 + 16) as MessageId;
  }

  thread(position: number): MessageId {
    return this.#arrays.thread.toString('hex', position * 16, position * 16 + 16) as MessageId;
  }

  row(position: number, table: KeywordTable): MessageRow {
    return {
      uid: this.uid(position),
      messageId: this.messageId(position),
      flags: { system: this.systemFlags(position), keywords: this.keywords(position, table) },
      modseq: this.modseq(position),
      size: this.size(position),
      crlfSize: this.crlfSize(position),
      internalDate: this.internalDate(position),
      sentDate: this.sentDate(position),
      savedAt: this.savedAt(position),
      thread: this.thread(position),
    };
  }

  /** Gathers the UIDs of the positions [start, end), of which there is at least one. */
  addUids(builder: RangeBuilder, start: number, end: number): void {
    const [from, to] = [this.uid(start), this.uid(end - 1)];
    // Without a gap in between they are as many as their numbers say: then none of them is looked at.
    if (to - from === end - 1 - start) {
      builder.addRange(from, to);
      return;
    }
    const middle = (start + end) >>> 1;
    this.addUids(builder, start, middle);
    this.addUids(builder, middle, end);
  }

  /** Position of the first UID that is not smaller; `count` where there is none. */
  lowerBound(uid: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#arrays.uid[middle] ?? 0) < uid) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Undefined where the message is not there. */
  position(uid: number): number | undefined {
    const at = this.lowerBound(uid);
    return at < this.count && this.#arrays.uid[at] === uid ? at : undefined;
  }

  /** Calls with each position whose UID is in the ascending ranges. */
  eachPosition(ranges: UidRanges, visit: (position: number) => void): void {
    this.eachRun(ranges, (start, end) => {
      for (let at = start; at < end; at += 1) visit(at);
    });
  }

  /** Calls with the positions [start, end) of each of the ascending ranges that holds any. */
  eachRun(ranges: UidRanges, visit: (start: number, end: number) => void): void {
    let end = 0;
    for (const { from, to } of ranges) {
      const start = this.#lowerBoundFrom(end, from);
      end = this.#lowerBoundFrom(start, to + 1);
      if (start < end) visit(start, end);
    }
  }

  /** As `lowerBound`, for what lies at or after a position, and most likely near it. */
  #lowerBoundFrom(position: number, uid: number): number {
    const { uid: uids } = this.#arrays;
    let low = position;
    let step = 1;
    while (low + step <= this.count && (uids[low + step - 1] ?? 0) < uid) {
      low += step;
      step *= 2;
    }
    let high = Math.min(this.count, low + step - 1);
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((uids[middle] ?? 0) < uid) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  append(rows: readonly AppendedRow[], modseq: number, savedAt: number, table: KeywordTable): void {
    this.#reserve(rows.length);
    const arrays = this.#arrays;
    for (const row of rows) {
      const at = this.count;
      const mask = flagMask({ mode: 'replace', flags: row }, table);
      arrays.uid[at] = row.uid;
      arrays.flags[at] = mask.word;
      if (mask.extra.length > 0) this.#extra.set(row.uid, mask.extra);
      arrays.size[at] = row.size;
      arrays.crlfSize[at] = row.crlfSize;
      arrays.modseq[at] = modseq;
      arrays.internalAt[at] = row.internalDate.at;
      arrays.internalZone[at] = row.internalDate.zoneMinutes;
      arrays.sentAt[at] = row.sentDate?.at ?? Number.NaN;
      arrays.sentZone[at] = row.sentDate?.zoneMinutes ?? 0;
      arrays.savedAt[at] = savedAt;
      arrays.messageId.write(row.messageId, at * 16, 'hex');
      arrays.thread.write(row.thread, at * 16, 'hex');
      this.count += 1;
    }
    this.#view = undefined;
  }

  changeFlags(ranges: UidRanges, mask: FlagMask, modseq: number): void {
    this.#ownFlags();
    const arrays = this.#arrays;
    const { kept, set } = flagBits(mask);
    const hasExtra = this.#extra.size > 0 || mask.extra.length > 0;
    this.eachRun(ranges, (start, end) => {
      for (let at = start; at < end; at += 1) arrays.flags[at] = ((arrays.flags[at] ?? 0) & kept) | set;
      for (let at = start; at < end; at += 1) arrays.modseq[at] = modseq;
      if (!hasExtra) return;
      for (let at = start; at < end; at += 1) this.#setExtra(this.uid(at), changedExtra(this.extraKeywords(at), mask));
    });
  }

  #setExtra(uid: number, extra: readonly number[]): void {
    if (extra.length > 0) this.#extra.set(uid, extra);
    else this.#extra.delete(uid);
  }

  /** Which of the table's positions any message carries. */
  usedKeywords(): ReadonlySet<number> {
    let words = 0;
    for (let at = 0; at < this.count; at += 1) words |= this.flagsWord(at) >>> KEYWORD_SHIFT;
    const used = new Set<number>();
    for (let position = 0; position < WORD_KEYWORDS; position += 1)
      if (((words >>> position) & 1) === 1) used.add(position);
    for (const extra of this.#extra.values()) for (const position of extra) used.add(position);
    return used;
  }

  /** Gives every message the same keywords by the positions of another table. */
  renumberKeywords(from: KeywordTable, to: KeywordTable): void {
    this.#ownFlags();
    for (let at = 0; at < this.count; at += 1) {
      const word = this.flagsWord(at);
      const uid = this.uid(at);
      if (word >>> KEYWORD_SHIFT === 0 && !this.#extra.has(uid)) continue;
      const flags = { system: word & 0xff, keywords: this.keywords(at, from) };
      const mask = flagMask({ mode: 'replace', flags }, to);
      this.#arrays.flags[at] = mask.word;
      this.#setExtra(uid, mask.extra);
    }
  }

  /** Leaves a tombstone of each; with `rows` given, one that tells what it was. @returns the messages as they were */
  expunge(
    ranges: UidRanges,
    at: number,
    q: number,
    rows?: { readonly table: KeywordTable; readonly isMoved: boolean },
  ): Columns {
    const gone = this.#extract(ranges);
    const was = rows && { ...rows, keywordsOf: (row: number) => gone.keywords(row, rows.table) };
    this.tombstones.addRows(gone.arrays, gone.count, { at, q, was });
    const previous = this.#arrays;
    // Others hold views of the array of UIDs: the survivors move to a new one. The rest closes up in place.
    const arrays: ColumnArrays = this.#hasRows
      ? { ...previous, uid: new Uint32Array(previous.uid.length) }
      : allocateArrays(previous.uid.length);
    let kept = 0;
    let next = 0;
    const keepUpTo = (end: number): void => {
      if (kept !== next || arrays.flags !== previous.flags) copyRows(previous, next, arrays, kept, end - next);
      else arrays.uid.set(previous.uid.subarray(next, end), kept);
      kept += end - next;
    };
    this.eachRun(ranges, (start, end) => {
      keepUpTo(start);
      if (this.#extra.size > 0) for (let gone = start; gone < end; gone += 1) this.#extra.delete(this.uid(gone));
      next = end;
    });
    keepUpTo(this.count);
    this.#arrays = arrays;
    this.#hasTail = true;
    this.#hasRows = true;
    this.#hasFlags = true;
    this.count = kept;
    this.generation += 1;
    this.#view = undefined;
    return gone;
  }

  /** The messages of the ranges, on their own. */
  #extract(ranges: UidRanges): Columns {
    let count = 0;
    this.eachRun(ranges, (start, end) => (count += end - start));
    const copy = new Columns(count);
    this.eachRun(ranges, (start, end) => {
      copyRows(this.#arrays, start, copy.#arrays, copy.count, end - start);
      copy.count += end - start;
    });
    if (this.#extra.size > 0)
      copy.eachPosition(ranges, (at) => copy.#setExtra(copy.uid(at), this.#extraOf(copy.uid(at))));
    return copy;
  }

  #extraOf(uid: number): readonly number[] {
    return this.#extra.get(uid) ?? NO_EXTRA;
  }

  /** An independent copy. Both read the same arrays until one of them changes what is there. */
  clone(): Columns {
    const copy = new Columns();
    copy.#arrays = this.#arrays;
    copy.count = this.count;
    copy.#hasTail = false;
    for (const columns of [this, copy]) {
      columns.#hasRows = false;
      columns.#hasFlags = false;
    }
    for (const [uid, extra] of this.#extra) copy.#extra.set(uid, extra);
    return copy;
  }

  /** Memory held, in octets. */
  get octets(): number {
    return this.#arrays.uid.length * OCTETS_A_ROW + this.#extra.size * 100 + this.tombstones.octets;
  }

  /** The arrays as octets of the positions [from, to), one column after another, then the extra keywords. */
  slice(
    from: number,
    to: number,
  ): { readonly columns: Buffer; readonly extra: readonly (readonly [number, readonly number[]])[] } {
    const columns = packArrays(this.#arrays, from, to);
    const extra: (readonly [number, readonly number[]])[] = [];
    if (this.#extra.size > 0) {
      for (let at = from; at < to; at += 1) {
        const own = this.extraKeywords(at);
        if (own.length > 0) extra.push([this.uid(at), own]);
      }
    }
    return { columns, extra };
  }

  /** Adds what `slice` gave. @throws RangeError where the octets are not `count` rows */
  addSlice(count: number, columns: Buffer, extra: readonly (readonly [number, readonly number[]])[]): void {
    if (columns.length !== count * OCTETS_A_ROW) throw new RangeError('a segment of another length');
    this.#reserve(count);
    unpackArrays(this.#arrays, this.count, columns, count);
    this.count += count;
    for (const [uid, own] of extra) this.#extra.set(uid, own);
    this.#view = undefined;
  }

  #reserve(more: number): void {
    if (this.#hasTail && this.count + more <= this.#arrays.uid.length) return;
    const larger = allocateArrays(Math.max(this.count + more, Math.ceil(this.count * 1.5), 16));
    copyRows(this.#arrays, 0, larger, 0, this.count);
    this.#arrays = larger;
    this.#hasTail = true;
    this.#hasRows = true;
    this.#hasFlags = true;
  }

  #ownFlags(): void {
    if (this.#hasFlags) return;
    this.#arrays = { ...this.#arrays, flags: this.#arrays.flags.slice(), modseq: this.#arrays.modseq.slice() };
    this.#hasFlags = true;
  }
}
