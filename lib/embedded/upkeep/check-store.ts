import { validateDocument } from '../bson/validate.ts';
import { documentValue, fieldNamed } from '../bson/value.ts';
import { decodeCollection, type Collection } from '../catalog/collection.ts';
import {
  CATALOG_RANGE,
  DOCUMENTS_RANGE,
  documentKey,
  documentPrefix,
  FORMAT_KEY,
  indexPrefix,
  INDEXES_RANGE,
  isKnownKey,
  SESSION_RANGE,
  wholeRange,
} from '../catalog/keyspace.ts';
import { successor } from '../keys/encode.ts';
import type { InspectedStore } from '../store/inspected-store.ts';
import type { StoredRow } from '../store/store.ts';
import { CollectionCheck, keyText, messageOf, rowsOf } from './check-collection.ts';
import type { CheckReport, Damage, DamageKind, Mend, OnDamage } from './damage.ts';
import { RowSet } from './row-set.ts';

const MOST_STRUCTURE_FAULTS = 100;
interface Range {
  readonly from: Buffer;
  readonly to: Buffer;
}

const EVERYTHING: Range = { from: Buffer.alloc(0), to: Buffer.alloc(16, 0xff) };

/**
 * Everything that the engine keeps, held against everything else: SQLite's pages, the catalog, each document, each
 * index entry from both sides, each value in the heap from both sides. To be called on one state of the store.
 */
export class StoreCheck {
  readonly #store: InspectedStore;
  readonly #report: CheckReport;
  readonly #onDamage: OnDamage;
  readonly #collections = new Map<number, Collection>();

  constructor(store: InspectedStore, report: CheckReport, onDamage: OnDamage) {
    this.#store = store;
    this.#report = report;
    this.#onDamage = onDamage;
  }

  run(): void {
    this.#part('the structure of the file', () => this.#checkStructure());
    this.#part('the catalog', () => this.#checkCatalog());
    this.#part('the results of retryable writes', () => this.#checkRows('catalog', SESSION_RANGE));
    for (const collection of this.#collections.values()) {
      this.#part(collection.namespace, () =>
        new CollectionCheck(this.#store, collection, this.#report, this.#onDamage).run(),
      );
    }
    this.#part('what is of no collection', () => this.#checkStrays());
    this.#part('the value heap', () => this.#checkHeap());
  }

  /** What SQLite cannot read ends one part of the check, not all of it. */
  #part(what: string, check: () => void): void {
    try {
      check();
    } catch (error) {
      if (!(error instanceof Error && 'errcode' in error)) throw error;
      this.#say('structure', `${what} cannot be read further: ${error.message}`);
    }
  }

  #checkStructure(): void {
    for (const fault of this.#store.structureFaults(MOST_STRUCTURE_FAULTS)) {
      for (const line of fault.split('\n')) this.#say('structure', line);
    }
  }

  #checkCatalog(): void {
    let highest = 0;
    for (const row of rowsOf(this.#store, CATALOG_RANGE)) {
      try {
        const octets = row.value();
        validateDocument(octets, 0, octets.length);
        const collection = decodeCollection(octets);
        const twin = this.#collections.get(collection.id);
        if (twin !== undefined) this.#say('catalog', `${collection.namespace} shares its place with ${twin.namespace}`);
        this.#collections.set(collection.id, collection);
        highest = Math.max(highest, collection.id);
      } catch (error) {
        if (error instanceof Error && 'errcode' in error) throw error;
        this.#say('catalog', `the row ${keyText(row.key)} of the catalog cannot be read: ${messageOf(error)}`);
      }
    }
    this.#checkFormat(highest);
  }

  #checkFormat(highest: number): void {
    if (highest === 0) return;
    try {
      const octets = this.#store.get(FORMAT_KEY);
      if (octets === undefined) throw new Error('it is missing');
      validateDocument(octets, 0, octets.length);
      const nextId = fieldNamed(documentValue(octets), 'nextId');
      if (nextId === undefined || nextId.octets.readInt32LE(nextId.start) <= highest) {
        throw new Error('the next collection would take the place of another');
      }
    } catch (error) {
      if (error instanceof Error && 'errcode' in error) throw error;
      this.#say('catalog', `the first row of the catalog: ${messageOf(error)}`);
    }
  }

  /** Rows that are documents of the engine's own. */
  #checkRows(kind: DamageKind, range: Range): void {
    for (const row of rowsOf(this.#store, range)) {
      const fault = faultOf(row);
      if (fault !== undefined) this.#say(kind, `the row ${keyText(row.key)}: ${fault}`, { do: 'delete', key: row.key });
    }
  }

  /** Jumps from one unknown prefix to the next. */
  #checkStrays(): void {
    this.#strayPrefixes(DOCUMENTS_RANGE, documentPrefix(0).length, (key) => this.#collections.has(key.readUInt32BE(1)));
    this.#strayPrefixes(INDEXES_RANGE, indexPrefix(0, 0).length, (key) => {
      const collection = this.#collections.get(key.readUInt32BE(1));
      return collection?.indexes.some(({ id }) => id === key.readUInt16BE(5)) === true;
    });
    this.#strayPrefixes(EVERYTHING, 1, isKnownKey);
  }

  #strayPrefixes(range: Range, length: number, isKnown: (key: Buffer) => boolean): void {
    for (let from: Buffer = range.from; ;) {
      const key = this.#store.firstKey({ from, to: range.to });
      if (key === undefined) return;
      const prefix = key.subarray(0, length);
      const isWhole = prefix.length === length;
      if (!isWhole || !isKnown(prefix)) {
        const rows = this.#store.count(wholeRange(prefix));
        this.#say('stray-rows', `${rows} rows that begin with ${keyText(prefix)} belong to nothing in the catalog`);
      }
      from = successor(prefix);
    }
  }

  #checkHeap(): void {
    const pointed = new RowSet();
    for (const { row, key } of this.#store.heapPointers()) {
      if (!pointed.add(row))
        this.#say('stray-value', `row ${row} of the value heap has two owners, one is ${keyText(key)}`);
    }
    for (const { row, key } of this.#store.heapRows()) {
      this.#report.heapRows += 1;
      if (pointed.delete(row)) continue;
      const owner = this.#ownerOf(row, key);
      if (owner === undefined) {
        this.#say('stray-value', `nothing points to row ${row} of the value heap`, { do: 'remove-value', row });
      } else {
        const detail = `nothing leads to the document in row ${row} of the value heap`;
        this.#onDamage({ kind: 'stray-value', detail, ...owner, mend: { do: 'adopt-value', row, key: owner.key } });
      }
    }
    // Documents whose values are missing were told where they stand; other rows have no values of this size.
  }

  /** The document that a value is, where its place is known and empty. */
  #ownerOf(row: number, key: Buffer | undefined): (Pick<Damage, 'namespace' | 'id'> & { key: Buffer }) | undefined {
    const octets = this.#store.heapValue(row);
    if (key === undefined || octets === undefined || key.length < documentPrefix(0).length) return undefined;
    const collection = key[0] === documentPrefix(0)[0] ? this.#collections.get(key.readUInt32BE(1)) : undefined;
    if (collection === undefined || this.#store.has(key)) return undefined;
    try {
      if (validateDocument(octets, 0, octets.length) !== octets.length) return undefined;
      const id = fieldNamed(documentValue(octets), '_id');
      if (id === undefined || !documentKey(collection.prefix, id).equals(key)) return undefined;
    } catch {
      return undefined;
    }
    return { namespace: collection.namespace, id: keyText(key.subarray(collection.prefix.length)), key };
  }

  #say(kind: DamageKind, detail: string, mend?: Mend): void {
    this.#onDamage({ kind, namespace: '', id: '', detail, mend });
  }
}

function faultOf(row: StoredRow): string | undefined {
  try {
    const octets = row.value();
    validateDocument(octets, 0, octets.length);
    return undefined;
  } catch (error) {
    if (error instanceof Error && 'errcode' in error) throw error;
    return messageOf(error);
  }
}
