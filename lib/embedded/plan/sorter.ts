import { EngineError } from '../errors/failure.ts';
import type { Holding } from './memory.ts';
import { compareSortKeys, type SortKey } from './sort-key.ts';
import type { SortOrder } from './sort-order.ts';

/** What one sort without an index may hold, in octets; MongoDB's own limit is 100 MB. */
const MAX_OCTETS = 64 * 1024 * 1024;
/** So many are sorted at once: little enough not to hold the thread, the merge of the runs goes one by one. */
const RUN_LENGTH = 512;
/** A sort with a limit up to this keeps not much more than the limit; a larger one keeps all until memory runs out. */
const LARGEST_TOP = 4096;
/** What an entry costs besides its document. */
const ENTRY_OCTETS = 200;

interface Entry<T> {
  readonly item: T;
  readonly key: SortKey;
  readonly octets: number;
}

/** Sorts in steps none of which takes long: in runs while entries come in, which are merged as entries go out. */
export class Sorter<T> {
  readonly #order: SortOrder;
  readonly #wanted: number;
  readonly #holding: Holding;
  #open: Entry<T>[] = [];
  #runs: Entry<T>[][] = [];
  #octets = 0;
  #count = 0;
  #merge: Merge<T> | undefined;

  /** @param wanted how many of the first are wanted; Infinity for all */
  constructor(order: SortOrder, wanted: number, holding: Holding) {
    this.#order = order;
    this.#wanted = wanted;
    this.#holding = holding;
  }

  /** @throws EngineError 292 beyond the limit */
  add(item: T, key: SortKey, octets: number): void {
    const entry = { item, key, octets: octets + ENTRY_OCTETS };
    this.#open.push(entry);
    this.#count += 1;
    this.#octets += entry.octets;
    this.#holding.add(entry.octets);
    if (this.#open.length >= RUN_LENGTH) this.#closeRun();
    const isTop = this.#wanted <= LARGEST_TOP && this.#count >= this.#wanted * 2 + RUN_LENGTH;
    if (isTop || this.#octets > MAX_OCTETS) this.#trim();
    if (this.#octets <= MAX_OCTETS) return;
    throw new EngineError(292, `Sort exceeded memory limit of ${MAX_OCTETS} octets; add an index for it`);
  }

  /** The next in order; to be called when all have come in. */
  next(): T | undefined {
    if (this.#merge === undefined) {
      this.#closeRun();
      this.#merge = new Merge(this.#order, this.#runs);
    }
    const entry = this.#merge.next();
    if (entry === undefined) return undefined;
    this.#holding.add(-entry.octets);
    return entry.item;
  }

  #closeRun(): void {
    if (this.#open.length === 0) return;
    this.#runs.push(this.#open.sort((a, b) => compareSortKeys(this.#order, a.key, b.key)));
    this.#open = [];
  }

  /** Keeps the first that are wanted. */
  #trim(): void {
    if (this.#count <= this.#wanted) return;
    this.#closeRun();
    const merge = new Merge(this.#order, this.#runs);
    const kept: Entry<T>[] = [];
    while (kept.length < this.#wanted) {
      const entry = merge.next();
      if (entry === undefined) break;
      kept.push(entry);
    }
    const octets = kept.reduce((sum, entry) => sum + entry.octets, 0);
    this.#holding.add(octets - this.#octets);
    this.#runs = kept.length === 0 ? [] : [kept];
    this.#octets = octets;
    this.#count = kept.length;
  }
}

/** Merges sorted runs by a heap of those that are not used up; among equals the earlier run comes first. */
class Merge<T> {
  readonly #order: SortOrder;
  readonly #runs: readonly (readonly Entry<T>[])[];
  readonly #positions: number[];
  readonly #heap: number[] = [];

  constructor(order: SortOrder, runs: readonly (readonly Entry<T>[])[]) {
    this.#order = order;
    this.#runs = runs;
    this.#positions = runs.map(() => 0);
    for (const at of runs.keys()) {
      this.#heap.push(at);
      this.#rise(this.#heap.length - 1);
    }
  }

  next(): Entry<T> | undefined {
    const first = this.#heap[0];
    if (first === undefined) return undefined;
    const entry = this.#head(first);
    this.#positions[first] = (this.#positions[first] ?? 0) + 1;
    if (this.#head(first) === undefined) {
      const last = this.#heap.pop();
      if (last === undefined || this.#heap.length === 0) return entry;
      this.#heap[0] = last;
    }
    this.#sink();
    return entry;
  }

  #head(run: number): Entry<T> | undefined {
    return this.#runs[run]?.[this.#positions[run] ?? 0];
  }

  #isBefore(one: number | undefined, other: number | undefined): boolean {
    if (one === undefined || other === undefined) return one !== undefined;
    const [a, b] = [this.#head(one), this.#head(other)];
    if (a === undefined || b === undefined) return a !== undefined;
    const by = compareSortKeys(this.#order, a.key, b.key);
    return by !== 0 ? by < 0 : one < other;
  }

  #swap(a: number, b: number): void {
    const heap = this.#heap;
    const held = heap[a] as number;
    heap[a] = heap[b] as number;
    heap[b] = held;
  }

  #rise(start: number): void {
    let at = start;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(this.#heap[at], this.#heap[parent])) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #sink(): void {
    let at = 0;
    for (;;) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      let least = at;
      if (this.#isBefore(this.#heap[left], this.#heap[least])) least = left;
      if (this.#isBefore(this.#heap[right], this.#heap[least])) least = right;
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }
}
