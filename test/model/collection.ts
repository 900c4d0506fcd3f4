import { parseFilter, type Filter } from './filter.ts';
import { orderOf, rowsOf, sameRow, sortBy, valuesAt, type KeyPart } from './keys.ts';
import { aggregate } from './pipeline.ts';
import { parseProjection } from './projection.ts';
import { baseOf, parseUpdate } from './update.ts';
import { equal, field, isArray, ModelError, type Doc, type Value } from './value.ts';

export interface IndexOptions {
  readonly name: string;
  readonly unique?: boolean;
  readonly sparse?: boolean;
  readonly partialFilterExpression?: Doc;
}

interface Index extends IndexOptions {
  readonly key: Doc;
  readonly covers: Filter;
}

export interface FindOptions {
  readonly sort?: Doc;
  readonly skip?: number;
  readonly limit?: number;
  readonly projection?: Doc;
}

export interface UpdateOptions {
  readonly isMulti?: boolean;
  readonly upsert?: boolean;
  readonly arrayFilters?: readonly Doc[];
}

export interface UpdateResult {
  readonly matched: number;
  readonly modified: number;
  readonly upsertedId: Value | undefined;
}

export interface ModifyOptions extends UpdateOptions {
  readonly sort?: Doc;
  readonly projection?: Doc;
  readonly isAfter?: boolean;
}

/** A write of many that failed, by the position of the statement. */
export interface StatementError {
  readonly index: number;
  readonly code: number;
}

/** A collection as an array of documents. */
export class ModelCollection {
  #documents: readonly Doc[] = [];
  #indexes: readonly Index[] = [{ name: '_id_', unique: true, key: {}, covers: () => ({ holds: true }) }];
  readonly #canonical: (value: Value) => string;

  /** @param canonical text in which every type and the order of fields show */
  constructor(canonical: (value: Value) => string) {
    this.#canonical = canonical;
  }

  /** @throws ModelError 85, 86 beside another index, 11000 or 171 for what is there already */
  createIndex(key: Doc, options: IndexOptions): void {
    const text = (index: Omit<Index, 'covers'>): string =>
      this.#canonical([index.key, index.unique ?? false, index.sparse ?? false, index.partialFilterExpression ?? null]);
    const wanted = { ...options, key };
    for (const index of this.#indexes) {
      const isEqual = text(index) === text(wanted);
      if (index.name === options.name && isEqual) return;
      if (index.name === options.name) throw new ModelError(86, 'the name is taken');
      if (isEqual) throw new ModelError(85, 'it has another name');
    }
    const index = { ...wanted, covers: parseFilter(options.partialFilterExpression ?? {}) };
    // All keys are made before the first two are compared.
    for (const document of this.#documents) keysOf(index, document);
    for (const [at, document] of this.#documents.entries()) check(index, document, this.#documents.slice(0, at));
    this.#indexes = [...this.#indexes, index];
  }

  all(): readonly Doc[] {
    return this.#documents;
  }

  /** Puts back what `all` gave. */
  restore(documents: readonly Doc[]): void {
    this.#documents = documents;
  }

  indexNames(): string[] {
    return this.#indexes.map(({ name }) => name);
  }

  /** True where another index than that of `_id` is unique. */
  hasUniqueIndex(): boolean {
    return this.#indexes.some(({ name, unique }) => unique === true && name !== '_id_');
  }

  #matching(filter: Doc): Doc[] {
    const parsed = parseFilter(filter);
    return this.#documents.filter((document) => parsed(document).holds);
  }

  find(filter: Doc, options: FindOptions = {}): Doc[] {
    const sorted = sortBy(orderOf(options.sort ?? {}), this.#matching(filter));
    const skip = options.skip ?? 0;
    const limit = options.limit ?? 0;
    const project = parseProjection(options.projection ?? {});
    return sorted.slice(skip, limit === 0 ? undefined : skip + limit).map(project);
  }

  count(filter: Doc): number {
    return this.#matching(filter).length;
  }

  /** The different values at a path, arrays taken apart. */
  distinct(path: string, filter: Doc): Value[] {
    const values = this.#matching(filter).flatMap((document) => valuesAt(document, path.split('.')));
    return values.filter((value, at) => values.findIndex((other) => equal(value, other)) === at);
  }

  /** Runs a pipeline in which every collection is this one. */
  aggregate(pipeline: readonly Doc[]): readonly Doc[] {
    return aggregate(this.#documents, pipeline, () => this.#documents);
  }

  insertOne(document: Doc): void {
    const id = field(document, '_id');
    if (isArray(id)) throw new ModelError(2, 'an array is no _id');
    const stored = inFront(document);
    this.#check(stored, this.#documents);
    this.#documents = [...this.#documents, stored];
  }

  insertMany(documents: readonly Doc[], isOrdered: boolean): { inserted: number; errors: StatementError[] } {
    const errors: StatementError[] = [];
    let inserted = 0;
    for (const [index, document] of documents.entries()) {
      if (isOrdered && errors.length > 0) break;
      try {
        this.insertOne(document);
        inserted += 1;
      } catch (error) {
        if (!(error instanceof ModelError)) throw error;
        errors.push({ index, code: error.code });
      }
    }
    return { inserted, errors };
  }

  delete(filter: Doc, isMulti: boolean): number {
    const found = this.#matching(filter);
    const gone = isMulti ? found : found.slice(0, 1);
    this.#documents = this.#documents.filter((document) => !gone.includes(document));
    return gone.length;
  }

  update(filter: Doc, update: Doc, options: UpdateOptions = {}): UpdateResult {
    const change = parseUpdate(update, options.arrayFilters);
    const found = this.#matching(filter);
    if (found.length === 0 && options.upsert === true) {
      return { matched: 0, modified: 0, upsertedId: field(this.#upsert(filter, update, options), '_id') };
    }
    const targets = options.isMulti === true ? found : found.slice(0, 1);
    const modified = targets.filter((document) => {
      const after = this.#replace(document, filter, change);
      // Any difference at all counts, even in the type of a number.
      return this.#canonical(document) !== this.#canonical(after);
    });
    return { matched: targets.length, modified: modified.length, upsertedId: undefined };
  }

  /** @returns the document before or after, null where there is none */
  findAndModify(filter: Doc, update: Doc | 'remove', options: ModifyOptions = {}): Doc | null {
    const project = parseProjection(options.projection ?? {});
    const change = update === 'remove' ? undefined : parseUpdate(update, options.arrayFilters);
    const [found] = sortBy(orderOf(options.sort ?? {}), this.#matching(filter));
    if (found === undefined) {
      if (update === 'remove' || options.upsert !== true) return null;
      const made = this.#upsert(filter, update, options);
      return options.isAfter === true ? project(made) : null;
    }
    if (change === undefined) {
      this.#documents = this.#documents.filter((document) => document !== found);
      return project(found);
    }
    const after = this.#replace(found, filter, change);
    return project(options.isAfter === true ? after : found);
  }

  #replace(document: Doc, filter: Doc, change: ReturnType<typeof parseUpdate>): Doc {
    const changed = change(document, { at: parseFilter(filter)(document).at, isInsert: false });
    const after = inFront('_id' in changed ? changed : { _id: document['_id']!, ...changed });
    if (!equal(field(after, '_id'), field(document, '_id'))) throw new ModelError(66, '_id would change');
    this.#check(
      after,
      this.#documents.filter((other) => other !== document),
    );
    this.#documents = this.#documents.map((other) => (other === document ? after : other));
    return after;
  }

  #upsert(filter: Doc, update: Doc, options: UpdateOptions): Doc {
    const base = baseOf(filter);
    const isReplacement = Object.keys(update)[0]?.startsWith('$') !== true;
    const id = field(base, '_id');
    const start: Doc = !isReplacement ? base : id === undefined ? {} : { _id: id };
    const changed = parseUpdate(update, options.arrayFilters)(start, { at: undefined, isInsert: true });
    const made = isReplacement ? { ...start, ...changed } : changed;
    if (id !== undefined && !equal(id, field(made, '_id'))) throw new ModelError(66, '_id would change');
    this.insertOne(made);
    return inFront(made);
  }

  #check(document: Doc, others: readonly Doc[]): void {
    for (const index of this.#indexes) check(index, document, others);
  }
}

/** The document with its `_id` in front. */
function inFront(document: Doc): Doc {
  const { _id: id, ...rest } = document;
  return id === undefined ? document : { _id: id, ...rest };
}

function keysOf(index: Index, document: Doc): KeyPart[][] {
  if (index.name === '_id_') return [[field(document, '_id')]];
  if (!index.covers(document).holds) return [];
  const rows = rowsOf(
    document,
    Object.keys(index.key).map((path) => path.split('.')),
  );
  return index.sparse === true ? rows.filter((row) => row.some((part) => part !== undefined)) : rows;
}

/** @throws ModelError 11000 where a unique index would hold a key twice, 171 for parallel arrays */
function check(index: Index, document: Doc, others: readonly Doc[]): void {
  const rows = keysOf(index, document);
  if (index.unique !== true) return;
  const isTaken = others.some((other) => keysOf(index, other).some((row) => rows.some((own) => sameRow(own, row))));
  if (isTaken) throw new ModelError(11000, `duplicate key in ${index.name}`);
}
