import type { Collection } from '../catalog/collection.ts';
import type { KeyRange, Store, StoredRow } from '../store/store.ts';
import type { Holding } from './memory.ts';
import type { Plan } from './planner.ts';

/** What remembering a document costs besides its key. */
const SEEN_OCTETS = 64;
const FIRST_BATCH = 16;
/** What a pause throws away is read again, so that no more is read ahead than is worth a call. */
const LARGEST_BATCH = 128;

export interface StoredDocument {
  readonly key: Buffer;
  readonly octets: Buffer;
}

/** Stands for a key that leads to no further document: one that was given already, or an `_id` that is not there. */
export const PASSED: unique symbol = Symbol('passed');

/**
 * Reads the documents of a plan one by one, without filtering them. It holds no transaction: `pause` forgets what was
 * read ahead, and the next step reads on from behind the last document, whatever has changed meanwhile.
 */
export class Scan {
  readonly #store: Store;
  readonly #collection: Collection;
  readonly #plan: Plan;
  readonly #ranges: readonly KeyRange[];
  /** Which of the ranges is being read. */
  #range = 0;
  #buffered: StoredRow[] = [];
  #next = 0;
  #batch: number;
  #position: Buffer | undefined;
  /** True where the range ends with what is buffered. */
  #isAtEnd = false;
  readonly #seen: Set<string> | undefined;
  readonly #holding: Holding | undefined;
  /** How many documents were read. */
  examined = 0;
  /** How many keys were read: of the index, or of the documents themselves. */
  examinedKeys = 0;

  /**
   * @param wanted how many documents are expected to be taken; more may be
   * @param holding counts what is remembered of documents given
   */
  constructor(store: Store, collection: Collection, plan: Plan, wanted = FIRST_BATCH, holding?: Holding) {
    this.#holding = holding;
    this.#store = store;
    this.#collection = collection;
    this.#plan = plan;
    this.#ranges = plan.isDescending ? [...plan.ranges].reverse() : plan.ranges;
    this.#batch = Math.max(1, Math.min(FIRST_BATCH, wanted));
    this.#seen = plan.index?.isMultikey === true ? new Set() : undefined;
  }

  /** One step: a document, `PASSED` where it came upon none that is new, undefined at the end. */
  next(): StoredDocument | undefined | typeof PASSED {
    const row = this.#nextRow();
    if (row === undefined || row === PASSED) return row;
    this.examinedKeys += 1;
    const { index } = this.#plan;
    if (index === undefined) {
      this.examined += 1;
      return { key: row.key, octets: row.value() };
    }
    const idKey = row.value();
    if (this.#isSeen(idKey)) return PASSED;
    const key = Buffer.concat([this.#collection.prefix, idKey]);
    const octets = this.#store.get(key);
    if (octets === undefined) throw new Error(`index ${index.name} of ${this.#collection.namespace} names no document`);
    this.examined += 1;
    return { key, octets };
  }

  pause(): void {
    // What comes behind a batch that was used up was looked for already, unless something is thrown away here.
    if (this.#next < this.#buffered.length) this.#isAtEnd = false;
    this.#buffered = [];
    this.#next = 0;
  }

  /** An array gives a document several keys, of which the first found counts. */
  #isSeen(idKey: Buffer): boolean {
    if (this.#seen === undefined) {
      // The index may have become multikey since: from then on a cursor may show a document twice, as MongoDB's may.
      return false;
    }
    const text = idKey.toString('latin1');
    if (this.#seen.has(text)) return true;
    this.#holding?.add(text.length + SEEN_OCTETS);
    this.#seen.add(text);
    return false;
  }

  #nextRow(): StoredRow | undefined | typeof PASSED {
    const range = this.#ranges[this.#range];
    if (this.#next >= this.#buffered.length) {
      if (range === undefined) return undefined;
      if (this.#plan.arePoints) return this.#point(range);
      if (this.#isAtEnd) this.#nextRange();
      else this.#fill(range);
    }
    const row = this.#buffered[this.#next++];
    if (row === undefined) return PASSED;
    this.#position = row.key;
    return row;
  }

  #nextRange(): void {
    this.#range += 1;
    this.#position = undefined;
    this.#isAtEnd = false;
  }

  #point(range: KeyRange): StoredRow | typeof PASSED {
    this.#range += 1;
    const octets = this.#store.get(range.from);
    return octets === undefined ? PASSED : { key: Buffer.from(range.from), value: () => octets };
  }

  #fill(range: KeyRange): void {
    this.#buffered = this.#store.read(this.#restOf(range), this.#batch, this.#plan.isDescending);
    this.#next = 0;
    this.#isAtEnd = this.#buffered.length < this.#batch;
    this.#batch = Math.min(LARGEST_BATCH, this.#batch * 4);
  }

  #restOf(range: KeyRange): KeyRange {
    if (this.#position === undefined) return range;
    return this.#plan.isDescending
      ? { from: range.from, to: this.#position }
      : { from: justBehind(this.#position), to: range.to };
  }
}

/** The least key greater than this one. */
function justBehind(key: Buffer): Buffer {
  return Buffer.concat([key, Buffer.from([0])]);
}
