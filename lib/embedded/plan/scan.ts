import type { Collection } from '../catalog/collection.ts';
import type { KeyRange, Store, StoredRow } from '../store/store.ts';
import type { Plan } from './planner.ts';

const FIRST_BATCH = 16;
const LARGEST_BATCH = 256;

export interface StoredDocument {
  readonly key: Buffer;
  readonly octets: Buffer;
}

/**
 * Reads the documents of a plan one by one, without filtering them. It holds no transaction: `pause` forgets what was
 * read ahead, and the next step reads on from behind the last document, whatever has changed meanwhile.
 */
export class Scan {
  readonly #store: Store;
  readonly #collection: Collection;
  readonly #plan: Plan;
  readonly #ranges: KeyRange[];
  #buffered: StoredRow[] = [];
  #next = 0;
  #batch: number;
  #position: Buffer | undefined;
  readonly #seen: Set<string> | undefined;
  /** How many documents were read. */
  examined = 0;

  /** @param wanted how many documents are expected to be taken; more may be */
  constructor(store: Store, collection: Collection, plan: Plan, wanted = FIRST_BATCH) {
    this.#store = store;
    this.#collection = collection;
    this.#plan = plan;
    this.#ranges = plan.isDescending ? [...plan.ranges].reverse() : [...plan.ranges];
    this.#batch = Math.max(1, Math.min(FIRST_BATCH, wanted));
    this.#seen = plan.index?.isMultikey === true ? new Set() : undefined;
  }

  next(): StoredDocument | undefined {
    for (;;) {
      const row = this.#nextRow();
      if (row === undefined) return undefined;
      const { index } = this.#plan;
      if (index === undefined) {
        this.examined += 1;
        return { key: row.key, octets: row.value() };
      }
      const idKey = row.value();
      if (this.#isSeen(idKey)) continue;
      const key = Buffer.concat([this.#collection.prefix, idKey]);
      const octets = this.#store.get(key);
      if (octets === undefined)
        throw new Error(`index ${index.name} of ${this.#collection.namespace} names no document`);
      this.examined += 1;
      return { key, octets };
    }
  }

  pause(): void {
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
    this.#seen.add(text);
    return false;
  }

  #nextRow(): StoredRow | undefined {
    if (this.#plan.arePoints) return this.#nextPoint();
    while (this.#next >= this.#buffered.length) {
      const [range] = this.#ranges;
      if (range === undefined) return undefined;
      this.#fill(range);
    }
    const row = this.#buffered[this.#next++];
    this.#position = row?.key;
    return row;
  }

  #nextPoint(): StoredRow | undefined {
    for (let range = this.#ranges.shift(); range !== undefined; range = this.#ranges.shift()) {
      const octets = this.#store.get(range.from);
      if (octets !== undefined) return { key: Buffer.from(range.from), value: () => octets };
    }
    return undefined;
  }

  #fill(range: KeyRange): void {
    this.#buffered = this.#store.read(this.#restOf(range), this.#batch, this.#plan.isDescending);
    this.#next = 0;
    if (this.#buffered.length === 0) {
      this.#ranges.shift();
      this.#position = undefined;
    }
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
