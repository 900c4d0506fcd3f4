import type { MessageId, Uid } from '../kernel/ids.ts';
import type { AppendedRow } from './changes.ts';
import type { MessageRow, UidRanges } from './journal.ts';
import {
  changedExtra,
  changedWord,
  flagMask,
  KEYWORD_SHIFT,
  NO_EXTRA,
  WORD_KEYWORDS,
  type FlagMask,
} from './flag-mask.ts';
import type { KeywordTable } from './keywords.ts';
import { TombstoneList, type ExpungedRow } from './tombstones.ts';

/** One value a message in each array, in order of UID. */
interface Arrays {
  readonly uid: Uint32Array;
  readonly flags: Uint32Array;
  readonly size: Uint32Array;
  readonly crlfSize: Uint32Array;
  readonly modseq: Float64Array;
  readonly internalAt: Float64Array;
  /** NaN where there is no date. */
  readonly sentAt: Float64Array;
  readonly savedAt: Float64Array;
  readonly internalZone: Int16Array;
  readonly sentZone: Int16Array;
  readonly messageId: Buffer;
  readonly thread: Buffer;
}

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
  #arrays: Arrays;
  /** By UID: sorted keyword positions from 24 on. */
  readonly #extra = new Map<number, readonly number[]>();
  #view: Uint32Array | undefined;

  constructor(capacity = 0) {
    this.#arrays = allocate(capacity);
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
    for (const { from, to } of ranges) {
      for (let at = this.lowerBound(from); at < this.count && this.uid(at) <= to; at += 1) visit(at);
    }
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
    this.eachPosition(ranges, (at) => {
      if (this.#extra.size > 0 || mask.extra.length > 0) {
        const extra = changedExtra(this.extraKeywords(at), mask);
        if (extra.length > 0) this.#extra.set(this.uid(at), extra);
        else this.#extra.delete(this.uid(at));
      }
      this.#arrays.flags[at] = changedWord(this.flagsWord(at), mask);
      this.#arrays.modseq[at] = modseq;
    });
  }

  /** True where the change would leave the message as it is. */
  hasFlags(position: number, mask: FlagMask): boolean {
    const word = this.flagsWord(position);
    if (changedWord(word, mask) !== word) return false;
    if (this.#extra.size === 0 && mask.extra.length === 0) return true;
    const extra = this.extraKeywords(position);
    const changed = changedExtra(extra, mask);
    return changed.length === extra.length && changed.every((keyword, index) => keyword === extra[index]);
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
    for (let at = 0; at < this.count; at += 1) {
      const word = this.flagsWord(at);
      const uid = this.uid(at);
      if (word >>> KEYWORD_SHIFT === 0 && !this.#extra.has(uid)) continue;
      const flags = { system: word & 0xff, keywords: this.keywords(at, from) };
      const mask = flagMask({ mode: 'replace', flags }, to);
      this.#arrays.flags[at] = mask.word;
      if (mask.extra.length > 0) this.#extra.set(uid, mask.extra);
      else this.#extra.delete(uid);
    }
  }

  /** Leaves a tombstone of each; with `rows` given, one that tells what it was. */
  expunge(
    ranges: UidRanges,
    at: number,
    q: number,
    rows?: { readonly table: KeywordTable; readonly isMoved: boolean },
  ): void {
    const previous = this.#arrays;
    // Others hold views of the array of UIDs: the survivors move to a new one. The rest closes up in place.
    const arrays: Arrays = { ...previous, uid: new Uint32Array(previous.uid.length) };
    let kept = 0;
    let range = 0;
    for (let position = 0; position < this.count; position += 1) {
      const uid = previous.uid[position] ?? 0;
      while ((ranges[range]?.to ?? Infinity) < uid) range += 1;
      if (uid >= (ranges[range]?.from ?? Infinity)) {
        const id = previous.messageId.subarray(position * 16, position * 16 + 16);
        this.tombstones.add(uid, id, at, q, rows && this.#expungedRow(position, rows.table, rows.isMoved));
        this.#extra.delete(uid);
        continue;
      }
      if (kept !== position) copyRow(previous, position, kept);
      arrays.uid[kept] = uid;
      kept += 1;
    }
    this.#arrays = arrays;
    this.count = kept;
    this.generation += 1;
    this.#view = undefined;
  }

  #expungedRow(position: number, table: KeywordTable, isMoved: boolean): ExpungedRow {
    return {
      flags: { system: this.systemFlags(position), keywords: this.keywords(position, table) },
      size: this.size(position),
      crlfSize: this.crlfSize(position),
      internalDate: this.internalDate(position),
      sentDate: this.sentDate(position),
      thread: this.#arrays.thread.subarray(position * 16, position * 16 + 16),
      isMoved,
    };
  }

  /** An independent copy, for deciding on what is not committed yet. */
  clone(): Columns {
    const copy = new Columns(this.count);
    copyArrays(this.#arrays, copy.#arrays, this.count);
    copy.count = this.count;
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
    const columns = Buffer.concat(
      columnsOf(this.#arrays).map(({ array, width }) => octetsOf(array).subarray(from * width, to * width)),
    );
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
    let offset = 0;
    for (const { array, width } of columnsOf(this.#arrays)) {
      octetsOf(array).set(columns.subarray(offset, offset + count * width), this.count * width);
      offset += count * width;
    }
    this.count += count;
    for (const [uid, own] of extra) this.#extra.set(uid, own);
    this.#view = undefined;
  }

  #reserve(more: number): void {
    if (this.count + more <= this.#arrays.uid.length) return;
    const larger = allocate(Math.max(this.count + more, Math.ceil(this.count * 1.5), 16));
    copyArrays(this.#arrays, larger, this.count);
    this.#arrays = larger;
  }
}

function allocate(capacity: number): Arrays {
  return {
    uid: new Uint32Array(capacity),
    flags: new Uint32Array(capacity),
    size: new Uint32Array(capacity),
    crlfSize: new Uint32Array(capacity),
    modseq: new Float64Array(capacity),
    internalAt: new Float64Array(capacity),
    sentAt: new Float64Array(capacity),
    savedAt: new Float64Array(capacity),
    internalZone: new Int16Array(capacity),
    sentZone: new Int16Array(capacity),
    messageId: Buffer.alloc(capacity * 16),
    thread: Buffer.alloc(capacity * 16),
  };
}

type Column = { readonly array: Uint32Array | Float64Array | Int16Array | Buffer; readonly width: number };

/** In the order in which segments hold them, with octets a row. */
function columnsOf(arrays: Arrays): readonly Column[] {
  return [
    { array: arrays.uid, width: 4 },
    { array: arrays.flags, width: 4 },
    { array: arrays.size, width: 4 },
    { array: arrays.crlfSize, width: 4 },
    { array: arrays.modseq, width: 8 },
    { array: arrays.internalAt, width: 8 },
    { array: arrays.sentAt, width: 8 },
    { array: arrays.savedAt, width: 8 },
    { array: arrays.internalZone, width: 2 },
    { array: arrays.sentZone, width: 2 },
    { array: arrays.messageId, width: 16 },
    { array: arrays.thread, width: 16 },
  ];
}

const OCTETS_A_ROW = columnsOf(allocate(0)).reduce((sum, { width }) => sum + width, 0);

function octetsOf(array: Column['array']): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function copyArrays(from: Arrays, to: Arrays, count: number): void {
  const targets = columnsOf(to);
  columnsOf(from).forEach(({ array, width }, index) => {
    const target = targets[index];
    if (target !== undefined) octetsOf(target.array).set(octetsOf(array).subarray(0, count * width));
  });
}

/** All columns but the UIDs. */
function copyRow(arrays: Arrays, from: number, to: number): void {
  arrays.flags[to] = arrays.flags[from] ?? 0;
  arrays.size[to] = arrays.size[from] ?? 0;
  arrays.crlfSize[to] = arrays.crlfSize[from] ?? 0;
  arrays.modseq[to] = arrays.modseq[from] ?? 0;
  arrays.internalAt[to] = arrays.internalAt[from] ?? 0;
  arrays.sentAt[to] = arrays.sentAt[from] ?? 0;
  arrays.savedAt[to] = arrays.savedAt[from] ?? 0;
  arrays.internalZone[to] = arrays.internalZone[from] ?? 0;
  arrays.sentZone[to] = arrays.sentZone[from] ?? 0;
  arrays.messageId.copyWithin(to * 16, from * 16, from * 16 + 16);
  arrays.thread.copyWithin(to * 16, from * 16, from * 16 + 16);
}
