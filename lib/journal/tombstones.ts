import type { MessageId } from '../kernel/ids.ts';
import type { ColumnArrays } from './column-arrays.ts';
import { asDamage, otherFormat } from './damage.ts';
import type { MessageRow } from './journal.ts';
import { PackReader, PackWriter } from './packing.ts';

const FORMAT = 2;
const UID = 0;
const MESSAGE_ID = 4;
const AT = 20;
const Q = 28;
const MARKS = 36;
const SYSTEM = 37;
const KEYWORDS = 38;
const SIZE = 40;
const CRLF_SIZE = 44;
const INTERNAL_AT = 48;
const SENT_AT = 56;
const INTERNAL_ZONE = 64;
const SENT_ZONE = 66;
const THREAD = 68;
/** Octets of one tombstone. */
const TOMBSTONE_OCTETS = 84;
/** Of one as they were first written: up to the `q`. */
const SHORT_OCTETS = 36;

/** Of this machine: words are copied as they lie. */
const IS_LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

const IS_KNOWN = 1;
const IS_MOVED = 2;
const HAS_SENT_DATE = 4;
/** Different combinations of keywords that one list tells apart; messages with others are remembered without. */
const MOST_KEYWORD_SETS = 0xffff;

/** What expunged messages were, besides what their columns tell, for bringing them back. */
export interface ExpungedRows {
  readonly keywordsOf: (row: number) => readonly string[];
  /** The same record put them into another mailbox. */
  readonly isMoved: boolean;
}

/** How messages went; with `was`, so that they can be brought back. */
export interface Death {
  readonly at: number;
  readonly q: number;
  readonly was: ExpungedRows | undefined;
}

/** Expunged messages in the order in which they went: UID, message id, when, the record that did it, and the row. */
export class TombstoneList {
  count = 0;
  #buffer: Buffer = Buffer.alloc(0);
  readonly #keywordSets: (readonly string[])[] = [[]];
  readonly #setNumbers = new Map<string, number>([['', 0]]);

  /** Adds the first `count` rows. */
  addRows(rows: ColumnArrays, count: number, { at, q, was }: Death): void {
    let start = this.#grow(count);
    const buffer = this.#buffer;
    const view = viewOf(buffer);
    for (let row = 0; row < count; row += 1, start += TOMBSTONE_OCTETS) {
      view.setUint32(start + UID, rows.uid[row] ?? 0, true);
      copyId(rows.messageIdWords, row, view, start + MESSAGE_ID);
      view.setFloat64(start + AT, at, true);
      view.setFloat64(start + Q, q, true);
      if (was === undefined) continue;
      const sentAt = rows.sentAt[row] ?? Number.NaN;
      const hasSentDate = !Number.isNaN(sentAt);
      buffer[start + MARKS] = IS_KNOWN | (was.isMoved ? IS_MOVED : 0) | (hasSentDate ? HAS_SENT_DATE : 0);
      buffer[start + SYSTEM] = (rows.flags[row] ?? 0) & 0xff;
      view.setUint16(start + KEYWORDS, this.#setNumber(was.keywordsOf(row)), true);
      view.setUint32(start + SIZE, rows.size[row] ?? 0, true);
      view.setUint32(start + CRLF_SIZE, rows.crlfSize[row] ?? 0, true);
      view.setFloat64(start + INTERNAL_AT, rows.internalAt[row] ?? 0, true);
      view.setInt16(start + INTERNAL_ZONE, rows.internalZone[row] ?? 0, true);
      view.setFloat64(start + SENT_AT, hasSentDate ? sentAt : 0, true);
      view.setInt16(start + SENT_ZONE, rows.sentZone[row] ?? 0, true);
      copyId(rows.threadWords, row, view, start + THREAD);
    }
  }

  addAll(other: TombstoneList): void {
    const start = this.#grow(other.count);
    other.#buffer.copy(this.#buffer, start, 0, other.#end);
    this.#renumber(
      start,
      other.#keywordSets.map((set) => this.#setNumber(set)),
    );
  }

  /** Adds what `pack` gave. @throws MailError `unavailable` where the octets are not that */
  addPacked(packed: Buffer, count: number): void {
    if (packed.length === count * SHORT_OCTETS) {
      for (let index = 0; index < count; index += 1)
        packed.copy(this.#buffer, this.#grow(1), index * SHORT_OCTETS, (index + 1) * SHORT_OCTETS);
      return;
    }
    try {
      const reader = new PackReader(packed);
      if (reader.octet() !== FORMAT) throw otherFormat('tombstones of another format');
      const sets = Array.from({ length: reader.varint() }, () =>
        this.#setNumber(Array.from({ length: reader.varint() }, () => reader.text())),
      );
      const rows = reader.octets(count * TOMBSTONE_OCTETS);
      const start = this.#grow(count);
      rows.copy(this.#buffer, start);
      this.#renumber(start, sets);
    } catch (error) {
      throw asDamage(error);
    }
  }

  /** The tombstones [from, to) in one Binary: format, combinations of keywords, then what lies in memory. */
  pack(from: number, to: number): Buffer {
    const rows = Buffer.from(this.#buffer.subarray(from * TOMBSTONE_OCTETS, to * TOMBSTONE_OCTETS));
    const numbers = new Map<number, number>();
    const view = viewOf(rows);
    let last = -1;
    let number = 0;
    for (let at = KEYWORDS; at < rows.length; at += TOMBSTONE_OCTETS) {
      const own = view.getUint16(at, true);
      // Neighbours mostly have the same.
      if (own !== last) {
        number = numbers.get(own) ?? numbers.size;
        numbers.set(own, number);
        last = own;
      }
      view.setUint16(at, number, true);
    }
    const writer = new PackWriter(16 + rows.length + numbers.size * 16);
    writer.octet(FORMAT);
    writer.varint(numbers.size);
    for (const own of numbers.keys()) {
      const set = this.#keywordSets[own] ?? [];
      writer.varint(set.length);
      for (const keyword of set) writer.text(keyword);
    }
    writer.octets(rows);
    return writer.finish();
  }

  uid(index: number): number {
    return this.#buffer.readUInt32LE(index * TOMBSTONE_OCTETS + UID);
  }

  messageId(index: number): MessageId {
    return this.#hex(index, MESSAGE_ID);
  }

  at(index: number): number {
    return this.#buffer.readDoubleLE(index * TOMBSTONE_OCTETS + AT);
  }

  q(index: number): number {
    return this.#buffer.readDoubleLE(index * TOMBSTONE_OCTETS + Q);
  }

  /** True where the message went to another mailbox, by MOVE or by renaming INBOX. */
  isMoved(index: number): boolean {
    return (this.#marks(index) & IS_MOVED) !== 0;
  }

  /** The message as it last was; undefined of tombstones that do not say. Its modseq is that of the expunge. */
  row(index: number): Omit<MessageRow, 'savedAt'> | undefined {
    const marks = this.#marks(index);
    if ((marks & IS_KNOWN) === 0) return undefined;
    const start = index * TOMBSTONE_OCTETS;
    const buffer = this.#buffer;
    return {
      uid: this.uid(index) as MessageRow['uid'],
      messageId: this.messageId(index),
      thread: this.#hex(index, THREAD),
      flags: {
        system: buffer.readUInt8(start + SYSTEM),
        keywords: this.#keywordSets[buffer.readUInt16LE(start + KEYWORDS)] ?? [],
      },
      modseq: this.q(index),
      size: buffer.readUInt32LE(start + SIZE),
      crlfSize: buffer.readUInt32LE(start + CRLF_SIZE),
      internalDate: {
        at: buffer.readDoubleLE(start + INTERNAL_AT),
        zoneMinutes: buffer.readInt16LE(start + INTERNAL_ZONE),
      },
      sentDate:
        (marks & HAS_SENT_DATE) === 0
          ? undefined
          : { at: buffer.readDoubleLE(start + SENT_AT), zoneMinutes: buffer.readInt16LE(start + SENT_ZONE) },
    };
  }

  /** Index of the first tombstone that a record after `q` made; they stand in order of `q`. */
  firstAfter(q: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.q(middle) <= q) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Forgets what records up to `q` made; a fold has written it down. */
  dropUpTo(q: number): void {
    const from = this.firstAfter(q);
    this.#buffer = Buffer.from(this.#buffer.subarray(from * TOMBSTONE_OCTETS, this.#end));
    this.count -= from;
  }

  get octets(): number {
    return this.#buffer.length;
  }

  get #end(): number {
    return this.count * TOMBSTONE_OCTETS;
  }

  /** Gives combinations of keywords from `start` on the numbers that they have here. */
  #renumber(start: number, numbers: readonly number[]): void {
    if (numbers.every((number, own) => number === own)) return;
    const view = viewOf(this.#buffer);
    for (let at = start + KEYWORDS; at < this.#end; at += TOMBSTONE_OCTETS)
      view.setUint16(at, numbers[view.getUint16(at, true)] ?? 0, true);
  }

  /** Makes room for more, zeroed. @returns where they start */
  #grow(more: number): number {
    const start = this.#end;
    const needed = start + more * TOMBSTONE_OCTETS;
    if (needed > this.#buffer.length) {
      const larger = Buffer.alloc(Math.max(this.#buffer.length * 2, needed, 8 * TOMBSTONE_OCTETS));
      this.#buffer.copy(larger, 0, 0, start);
      this.#buffer = larger;
    }
    this.count += more;
    return start;
  }

  #marks(index: number): number {
    return this.#buffer.readUInt8(index * TOMBSTONE_OCTETS + MARKS);
  }

  #hex(index: number, offset: number): MessageId {
    const start = index * TOMBSTONE_OCTETS + offset;
    return this.#buffer.toString('hex', start, start + 16) as MessageId;
  }

  #setNumber(keywords: readonly string[]): number {
    if (keywords.length === 0) return 0;
    const key = keywords.join(' ');
    const known = this.#setNumbers.get(key);
    if (known !== undefined) return known;
    if (this.#keywordSets.length > MOST_KEYWORD_SETS) return 0;
    this.#setNumbers.set(key, this.#keywordSets.length);
    return this.#keywordSets.push(keywords) - 1;
  }
}

function copyId(words: Uint32Array, row: number, target: DataView, to: number): void {
  for (let word = 0; word < 4; word += 1) target.setUint32(to + word * 4, words[row * 4 + word] ?? 0, IS_LITTLE_ENDIAN);
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
