import type { Collection } from '../catalog/collection.ts';
import { EngineError } from '../errors/failure.ts';
import { documentValue } from '../bson/value.ts';
import type { Filter } from '../query/filter.ts';
import { matches } from '../query/match.ts';
import type { Store } from '../store/store.ts';
import { planQuery, type Plan } from './planner.ts';
import { Scan, type StoredDocument } from './scan.ts';
import { compareSortKeys, sortKeyOf, type SortKey } from './sort-key.ts';
import type { SortOrder } from './sort-order.ts';

/** What a sort without an index may hold in memory, like MongoDB's limit. */
const MAX_SORT_OCTETS = 64 * 1024 * 1024;
const CHECK_EVERY = 256;

export interface Query {
  readonly filter: Filter;
  readonly sort: SortOrder;
  readonly skip: number;
  /** Zero for none. */
  readonly limit: number;
  readonly hint?: string | undefined;
}

/** Throws when a command has used up its time; called now and then by whatever may take long. */
export type CheckTime = () => void;

/** The documents of a query one after another; nothing is held open between steps, and `pause` lets go of what is read ahead. */
export class QueryStream {
  readonly #query: Query;
  readonly #plan: Plan;
  readonly #scan: Scan;
  #sorted: Sorted[] | undefined;
  #skipped = 0;
  #given = 0;

  constructor(store: Store, collection: Collection, query: Query) {
    this.#query = query;
    this.#plan = planQuery(collection, query.filter, query.sort, query.hint);
    this.#scan = new Scan(store, collection, this.#plan, query.limit > 0 ? query.skip + query.limit : undefined);
  }

  get plan(): Plan {
    return this.#plan;
  }

  /** How many documents were read so far. */
  get examined(): number {
    return this.#scan.examined;
  }

  next(checkTime: CheckTime): StoredDocument | undefined {
    const { skip, limit } = this.#query;
    if (limit > 0 && this.#given >= limit) return undefined;
    for (;;) {
      const found = this.#plan.isSorted ? this.#nextMatch(checkTime) : this.#nextSorted(checkTime);
      if (found === undefined) return undefined;
      if (this.#skipped < skip) {
        this.#skipped += 1;
        continue;
      }
      this.#given += 1;
      return found;
    }
  }

  pause(): void {
    this.#scan.pause();
  }

  #nextMatch(checkTime: CheckTime): StoredDocument | undefined {
    for (;;) {
      const found = this.#scan.next();
      if (found === undefined) return undefined;
      if (this.#scan.examined % CHECK_EVERY === 0) checkTime();
      if (matches(this.#query.filter, documentValue(found.octets))) return found;
    }
  }

  #nextSorted(checkTime: CheckTime): StoredDocument | undefined {
    this.#sorted ??= this.#sortAll(checkTime).reverse();
    return this.#sorted.pop()?.found;
  }

  #sortAll(checkTime: CheckTime): Sorted[] {
    const { sort, skip, limit } = this.#query;
    const wanted = limit > 0 ? skip + limit : Infinity;
    let held: Sorted[] = [];
    let octets = 0;
    const byKey = (a: Sorted, b: Sorted): number => compareSortKeys(sort, a.key, b.key);
    for (let found = this.#nextMatch(checkTime); found !== undefined; found = this.#nextMatch(checkTime)) {
      held.push({ found, key: sortKeyOf(sort, documentValue(found.octets)) });
      octets += found.octets.length;
      if (held.length >= wanted * 2 + 64 || octets > MAX_SORT_OCTETS) {
        held = held.sort(byKey).slice(0, wanted);
        octets = held.reduce((sum, one) => sum + one.found.octets.length, 0);
        if (octets > MAX_SORT_OCTETS) {
          throw new EngineError(292, `Sort exceeded memory limit of ${MAX_SORT_OCTETS} octets; add an index for it`);
        }
      }
    }
    return held.sort(byKey);
  }
}

interface Sorted {
  readonly found: StoredDocument;
  readonly key: SortKey;
}
