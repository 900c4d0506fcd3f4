import type { Collection } from '../catalog/collection.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { EngineError } from '../errors/failure.ts';
import { documentValue } from '../bson/value.ts';
import type { Filter } from '../query/filter.ts';
import { matches } from '../query/match.ts';
import type { Store } from '../store/store.ts';
import type { Holding, Memory } from './memory.ts';
import { planQuery, type Plan } from './planner.ts';
import { PASSED, Scan, type StoredDocument } from './scan.ts';
import { PAUSED, type Paused, type Slice } from './slice.ts';
import { sortKeyOf } from './sort-key.ts';
import type { SortOrder } from './sort-order.ts';
import { Sorter } from './sorter.ts';

export interface Query {
  readonly filter: Filter;
  readonly sort: SortOrder;
  readonly skip: number;
  /** Zero for none. */
  readonly limit: number;
  readonly hint?: string | undefined;
}

/** What a stream reads from. */
export interface Source {
  readonly store: Store;
  readonly catalog: Catalog;
  readonly memory: Memory;
}

/**
 * The documents of a query one after another. Nothing is held open between steps: `pause` lets go of what is read
 * ahead, and the next step sees whatever has changed meanwhile.
 */
export class QueryStream {
  readonly #query: Query;
  readonly #plan: Plan;
  readonly #scan: Scan;
  readonly #catalog: Catalog;
  readonly #collection: Collection;
  readonly #holding: Holding;
  readonly #sorter: Sorter<StoredDocument> | undefined;
  #isSorted = false;
  #isPaused = false;
  #skipped = 0;
  #given = 0;
  /** Octets of the document that was read last. */
  #octets = 0;

  /** @throws EngineError 2 for a hint that names no index */
  constructor({ store, catalog, memory }: Source, collection: Collection, query: Query) {
    const { filter, sort, skip, limit, hint } = query;
    const wanted = limit > 0 ? skip + limit : undefined;
    this.#query = query;
    this.#catalog = catalog;
    this.#collection = collection;
    this.#plan = planQuery(collection, filter, sort, hint);
    this.#holding = memory.hold();
    this.#scan = new Scan(store, collection, this.#plan, wanted, this.#holding);
    this.#sorter = this.#plan.isSorted ? undefined : new Sorter(sort, wanted ?? Infinity, this.#holding);
  }

  get plan(): Plan {
    return this.#plan;
  }

  /** How many documents were read so far. */
  get examined(): number {
    return this.#scan.examined;
  }

  /** How many keys were read so far; of documents found by `_id` each is one. */
  get examinedKeys(): number {
    return this.#scan.examinedKeys;
  }

  /** @throws EngineError 175 where collection or index have gone since the last step, 50, 292 */
  next(slice: Slice): StoredDocument | undefined | Paused {
    const { skip, limit } = this.#query;
    if (limit > 0 && this.#given >= limit) return undefined;
    if (this.#isPaused) this.#goOn();
    for (;;) {
      const found = this.#sorter === undefined ? this.#nextMatch(slice) : this.#nextSorted(this.#sorter, slice);
      if (found === PAUSED) this.pause();
      if (found === undefined || found === PAUSED) return found;
      if (this.#skipped < skip) {
        this.#skipped += 1;
        continue;
      }
      this.#given += 1;
      return found;
    }
  }

  /** To be called before others may write. */
  pause(): void {
    this.#isPaused = true;
    this.#scan.pause();
  }

  /** Gives back the memory of a sort. */
  close(): void {
    this.#holding.release();
  }

  #goOn(): void {
    this.#isPaused = false;
    const { database, name, id, namespace } = this.#collection;
    const { index } = this.#plan;
    const now = this.#catalog.find(database, name);
    if (now?.id !== id) throw new EngineError(175, `collection dropped: ${namespace}`);
    const isThere = index === undefined || now.indexes.some((one) => one.id === index.id);
    if (!isThere) throw new EngineError(175, `index '${index.name}' dropped`);
  }

  #nextMatch(slice: Slice): StoredDocument | undefined | Paused {
    for (;;) {
      if (slice.isOver(this.#octets)) return PAUSED;
      const found = this.#scan.next();
      if (found === undefined) return undefined;
      if (found === PASSED) {
        this.#octets = 0;
        continue;
      }
      this.#octets = found.octets.length;
      if (matches(this.#query.filter, documentValue(found.octets))) return found;
    }
  }

  #nextSorted(sorter: Sorter<StoredDocument>, slice: Slice): StoredDocument | undefined | Paused {
    while (!this.#isSorted) {
      const found = this.#nextMatch(slice);
      if (found === PAUSED) return PAUSED;
      if (found === undefined) this.#isSorted = true;
      else sorter.add(found, sortKeyOf(this.#query.sort, documentValue(found.octets)), found.octets.length);
    }
    return slice.isOver(0) ? PAUSED : sorter.next();
  }
}
