import { EngineError } from '../errors/failure.ts';
import type { Store } from '../store/store.ts';
import { DocumentWriter } from '../bson/write.ts';
import { documentValue, fieldNamed, intOf } from '../bson/value.ts';
import { decodeCollection, encodeCollection, newCollection, type Collection } from './collection.ts';
import { CATALOG_RANGE, catalogKey, FORMAT_KEY, indexesRange, wholeRange } from './keyspace.ts';

const FORMAT_VERSION = 1;
const LONGEST_NAMESPACE = 255;

/** Collections and their indexes, held in memory and in rows of the store that change in the same transactions. */
export class Catalog {
  readonly #store: Store;
  readonly #collections = new Map<string, Collection>();
  #nextId = 1;
  /** True while the store may still undo what memory holds. */
  #isChanged = false;

  /** @throws Error where the file was written by a newer engine */
  constructor(store: Store) {
    this.#store = store;
    this.refresh();
  }

  /** Reads everything anew: after a transaction was undone, memory may be ahead of the store. */
  refresh(): void {
    this.#collections.clear();
    this.#nextId = 1;
    const format = this.#store.get(FORMAT_KEY);
    if (format !== undefined) this.#readFormat(format);
    for (const row of this.#store.read(CATALOG_RANGE, 1_000_000, false)) {
      const collection = decodeCollection(row.value());
      this.#collections.set(collection.namespace, collection);
    }
  }

  /** To be called before a collection or index is changed in memory, so that a failure behind it is undone there too. */
  touch(): void {
    this.#isChanged = true;
  }

  /** To be called after a command was undone. */
  refreshIfChanged(): void {
    if (this.#isChanged) this.refresh();
  }

  /** To be called after a commit. */
  settled(): void {
    this.#isChanged = false;
  }

  #readFormat(octets: Buffer): void {
    const row = documentValue(octets);
    const version = fieldNamed(row, 'version');
    const nextId = fieldNamed(row, 'nextId');
    if (version === undefined || nextId === undefined || intOf(version) !== FORMAT_VERSION) {
      throw new Error('the data is of another version of the embedded engine');
    }
    this.#nextId = intOf(nextId);
  }

  find(database: string, name: string): Collection | undefined {
    return this.#collections.get(`${database}.${name}`);
  }

  /** @throws EngineError 48 where it exists, 73 where the name is not allowed */
  create(database: string, name: string): Collection {
    checkName(database, name);
    this.#isChanged = true;
    const namespace = `${database}.${name}`;
    if (this.#collections.has(namespace)) throw new EngineError(48, `namespace ${namespace} already exists`);
    const collection = newCollection(this.#nextId++, database, name);
    const format = new DocumentWriter().int('version', FORMAT_VERSION).int('nextId', this.#nextId).finish();
    this.#store.put(FORMAT_KEY, format);
    this.#collections.set(namespace, collection);
    this.save(collection);
    return collection;
  }

  /** To be called after each change to a collection or its indexes. */
  save(collection: Collection): void {
    this.#isChanged = true;
    this.#store.put(catalogKey(collection.namespace), encodeCollection(collection));
  }

  drop(collection: Collection): void {
    this.#isChanged = true;
    this.#store.deleteRange(wholeRange(collection.prefix));
    this.#store.deleteRange(indexesRange(collection.id));
    this.#store.delete(catalogKey(collection.namespace));
    this.#collections.delete(collection.namespace);
  }

  /** Ordered by name. */
  collectionsOf(database: string): Collection[] {
    return [...this.#collections.values()]
      .filter((collection) => collection.database === database)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  databases(): string[] {
    return [...new Set([...this.#collections.values()].map(({ database }) => database))].sort();
  }
}

/** @throws EngineError 73 */
function checkName(database: string, name: string): void {
  const isBadDatabase = database === '' || database.length > 63 || /[/\\. "$*<>:|?\0]/.test(database);
  if (isBadDatabase) throw new EngineError(73, `Invalid database name: '${database.slice(0, 80)}'`);
  const isBadName = name === '' || name.includes('$') || name.includes('\0') || name.startsWith('.');
  if (isBadName) throw new EngineError(73, `Invalid collection name: '${name.slice(0, 80)}'`);
  if (name.startsWith('system.')) throw new EngineError(73, `Collection names may not begin with system.: ${name}`);
  if (Buffer.byteLength(`${database}.${name}`) > LONGEST_NAMESPACE) {
    throw new EngineError(73, `Fully qualified namespace is too long, the limit is ${LONGEST_NAMESPACE} octets`);
  }
}
