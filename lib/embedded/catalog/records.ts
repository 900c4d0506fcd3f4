import { renderValue } from '../bson/render.ts';
import { documentValue, fieldOf, type Value } from '../bson/value.ts';
import { DocumentWriter } from '../bson/write.ts';
import { EngineError } from '../errors/failure.ts';
import { isCutKey } from '../keys/encode.ts';
import type { Store } from '../store/store.ts';
import type { Catalog } from './catalog.ts';
import type { Collection, Index } from './collection.ts';
import { entriesOf, type IndexEntries } from './index-entries.ts';
import { documentKey } from './keyspace.ts';

const ID = Buffer.from('_id');
const MAX_DOCUMENT_OCTETS = 16 * 1024 * 1024;

/** E11000, with what a caller needs to know which key it was. */
export class DuplicateKeyError extends EngineError {
  readonly keyPattern: Buffer;
  readonly keyValue: Buffer;

  constructor(
    namespace: string,
    index: string,
    fields: readonly (readonly [string, boolean])[],
    values: readonly Value[],
  ) {
    const shown = fields.map(([path], at) => `${path}: ${values[at] === undefined ? 'null' : renderValue(values[at])}`);
    super(
      11000,
      `E11000 duplicate key error collection: ${namespace} index: ${index} dup key: { ${shown.join(', ')} }`,
    );
    const pattern = new DocumentWriter(64);
    const value = new DocumentWriter(64);
    fields.forEach(([path, isDescending], at) => {
      pattern.int(path, isDescending ? -1 : 1);
      const found = values[at];
      if (found === undefined) value.null(path);
      else value.value(path, found);
    });
    this.keyPattern = pattern.finish();
    this.keyValue = value.finish();
  }
}

/** Documents with their index entries: each change is checked whole before its first write. */
export class Records {
  readonly #store: Store;
  readonly #catalog: Catalog;

  constructor(store: Store, catalog: Catalog) {
    this.#store = store;
    this.#catalog = catalog;
  }

  /**
   * @param octets a document with its `_id` in front
   * @throws DuplicateKeyError, EngineError 10334 where it is too large
   */
  insert(collection: Collection, octets: Buffer): void {
    const document = documentValue(octets);
    const id = idOf(document);
    checkSize(octets);
    const key = documentKey(collection.prefix, id);
    if (this.#store.has(key)) throw new DuplicateKeyError(collection.namespace, '_id_', [['_id', false]], [id]);
    const entries = collection.indexes.map((index) => entriesOf(index, document, id));
    for (const entry of entries) this.#checkUnique(collection, entry, key, undefined);
    this.#store.add(key, octets);
    const idKey = key.subarray(collection.prefix.length);
    if (isCutKey(idKey) && !collection.hasCutIds) {
      this.#catalog.touch();
      collection.hasCutIds = true;
      this.#catalog.save(collection);
    }
    for (const entry of entries) this.#addEntries(collection, entry, idKey, undefined);
  }

  /** @throws DuplicateKeyError, EngineError 10334 */
  replace(collection: Collection, key: Buffer, before: Buffer, after: Buffer): void {
    const [old, document] = [documentValue(before), documentValue(after)];
    const id = idOf(document);
    checkSize(after);
    const idKey = key.subarray(collection.prefix.length);
    const changes = collection.indexes.map((index) => ({
      removed: entriesOf(index, old, id),
      added: entriesOf(index, document, id),
    }));
    for (const { removed, added } of changes) this.#checkUnique(collection, added, key, removed);
    this.#store.put(key, after);
    for (const { removed, added } of changes) {
      for (const [text, entry] of removed.keys) if (!added.keys.has(text)) this.#store.delete(entry.key);
      this.#addEntries(collection, added, idKey, removed);
    }
  }

  delete(collection: Collection, key: Buffer, octets: Buffer): void {
    const document = documentValue(octets);
    const id = idOf(document);
    this.#store.delete(key);
    for (const index of collection.indexes) {
      for (const { key: entry } of entriesOf(index, document, id).keys.values()) this.#store.delete(entry);
    }
  }

  /** Enters a document that is stored already into a new index. @throws DuplicateKeyError */
  enterInto(collection: Collection, index: Index, key: Buffer, octets: Buffer): void {
    const document = documentValue(octets);
    const entries = entriesOf(index, document, idOf(document));
    this.#checkUnique(collection, entries, key, undefined);
    this.#addEntries(collection, entries, key.subarray(collection.prefix.length), undefined);
  }

  #checkUnique(collection: Collection, entries: IndexEntries, key: Buffer, own: IndexEntries | undefined): void {
    const { index } = entries;
    if (!index.isUnique) return;
    for (const [text, entry] of entries.keys) {
      if (own?.keys.has(text) === true) continue;
      const holder = this.#store.get(entry.key);
      if (holder === undefined || holder.equals(key.subarray(collection.prefix.length))) continue;
      const fields = index.fields.map(({ path, isDescending }) => [path, isDescending] as const);
      throw new DuplicateKeyError(collection.namespace, index.name, fields, entry.values);
    }
  }

  #addEntries(collection: Collection, entries: IndexEntries, idKey: Buffer, own: IndexEntries | undefined): void {
    const { index } = entries;
    let isMarkNew = entries.isMultikey && !index.isMultikey;
    if (isMarkNew) {
      this.#catalog.touch();
      index.isMultikey = true;
    }
    for (const [text, entry] of entries.keys) {
      if (own?.keys.has(text) !== true) this.#store.add(entry.key, idKey);
      if (!index.hasCutKeys && isCutKey(entry.key.subarray(index.prefix.length))) {
        this.#catalog.touch();
        index.hasCutKeys = true;
        isMarkNew = true;
      }
    }
    if (isMarkNew) this.#catalog.save(collection);
  }
}

function idOf(document: Value): Value {
  const id = fieldOf(document, ID);
  if (id === undefined) throw new EngineError(2, 'document without _id');
  return id;
}

function checkSize(octets: Buffer): void {
  if (octets.length <= MAX_DOCUMENT_OCTETS) return;
  throw new EngineError(10334, `BSONObj size: ${octets.length} is invalid. Size must be between 0 and 16777216`);
}
