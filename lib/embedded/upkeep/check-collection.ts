import { renderValue } from '../bson/render.ts';
import { validateDocument } from '../bson/validate.ts';
import { documentValue, fieldNamed, type Value } from '../bson/value.ts';
import type { Collection, Index } from '../catalog/collection.ts';
import { entriesOf, type IndexEntries } from '../catalog/index-entries.ts';
import { documentKey, wholeRange } from '../catalog/keyspace.ts';
import { isCutKey } from '../keys/encode.ts';
import { DamagedValueError, type Store, type StoredRow } from '../store/store.ts';
import type { CheckReport, Damage, Mend, OnDamage } from './damage.ts';

const BATCH = 256;

/** What was found of one index. */
export interface CheckedIndex {
  readonly index: Index;
  /** Entries that the documents ask for, and those of them that are there. */
  expected: number;
  found: number;
}

/** One collection: every document, every index entry from the document's side, and then from the entry's. */
export class CollectionCheck {
  readonly #store: Store;
  readonly #collection: Collection;
  readonly #report: CheckReport;
  readonly #onDamage: OnDamage;
  readonly indexes: readonly CheckedIndex[];
  documents = 0;
  /** Documents that are damaged themselves: what their entries should be cannot be known. */
  damagedDocuments = 0;

  /** Entries in whose place others stand, or nothing legible. */
  readonly #retold = new Set<string>();
  readonly #marks = new Set<string>();

  constructor(store: Store, collection: Collection, report: CheckReport, onDamage: OnDamage) {
    this.#store = store;
    this.#collection = collection;
    this.#report = report;
    this.#onDamage = onDamage;
    this.indexes = collection.indexes.map((index) => ({ index, expected: 0, found: 0 }));
  }

  run(): void {
    this.#report.collections += 1;
    for (const row of rowsOf(this.#store, wholeRange(this.#collection.prefix))) this.#checkDocument(row);
    for (const checked of this.indexes) this.#checkEntries(checked);
  }

  #checkDocument(row: StoredRow): void {
    this.#report.documents += 1;
    this.documents += 1;
    const idKey = row.key.subarray(this.#collection.prefix.length);
    let id = '';
    try {
      const octets = row.value();
      if (validateDocument(octets, 0, octets.length) !== octets.length) throw new Error('it is followed by more');
      const document = documentValue(octets);
      const value = fieldNamed(document, '_id');
      if (value === undefined) throw new Error('it has no _id');
      id = renderValue(value);
      if (!documentKey(this.#collection.prefix, value).equals(row.key)) throw new Error('it is kept under another key');
      if (isCutKey(idKey) && !this.#collection.hasCutIds) this.#sayMark('', 'long values of _id are not marked');
      for (const checked of this.indexes) this.#checkDocumentIn(checked, document, value, idKey, id);
    } catch (error) {
      if (!isOfDocument(error)) throw error;
      this.damagedDocuments += 1;
      const kind = error instanceof DamagedValueError && error.isMissing ? 'missing-value' : 'document';
      this.#say({ kind, id: id === '' ? keyText(idKey) : id, detail: messageOf(error), mend: undefined });
    }
  }

  #checkDocumentIn(checked: CheckedIndex, document: Value, idValue: Value, idKey: Buffer, id: string): void {
    const { index } = checked;
    const entries = entriesOf(index, document, idValue);
    if (entries.isMultikey && !index.isMultikey) this.#sayMark(index.name, `${index.name} is not marked as multikey`);
    for (const { key } of entries.keys.values()) {
      checked.expected += 1;
      if (!index.hasCutKeys && isCutKey(key.subarray(index.prefix.length))) {
        this.#sayMark(index.name, `long keys of ${index.name} are not marked`);
      }
      this.#checkEntry(checked, key, idKey, id);
    }
  }

  #checkEntry(checked: CheckedIndex, key: Buffer, idKey: Buffer, id: string): void {
    const { index } = checked;
    const holder = valueOrNone(() => this.#store.get(key));
    if (holder?.equals(idKey) === true) {
      checked.found += 1;
      return;
    }
    const rival = holder !== undefined && this.#ownerOf(holder, index, key);
    if (rival === true) {
      const detail = `another document has the same key in the unique index ${index.name}`;
      this.#say({ kind: 'missing-entry', id, detail, mend: undefined });
      return;
    }
    // What stands in its place is told, and mended, as the missing one.
    if (holder !== undefined || this.#store.has(key)) {
      checked.found += 1;
      this.#retold.add(key.toString('latin1'));
    }
    const mend: Mend = { do: 'put', key, value: idKey };
    this.#say({ kind: 'missing-entry', id, detail: `the index ${index.name} does not lead to it`, mend });
  }

  /** Only where there are more entries than were asked for is there a stray one; then each is held against its document. */
  #checkEntries(checked: CheckedIndex): void {
    const { index } = checked;
    const range = wholeRange(index.prefix);
    const count = this.#store.count(range);
    this.#report.indexEntries += count;
    if (count === checked.found) return;
    for (const row of rowsOf(this.#store, range)) {
      const idKey = valueOrNone(() => row.value());
      if (idKey !== undefined && this.#ownerOf(idKey, index, row.key) !== false) continue;
      if (this.#retold.has(row.key.toString('latin1'))) continue;
      const detail = `an entry of the index ${index.name} leads to no document that belongs there`;
      this.#say({ kind: 'stray-entry', id: keyText(idKey ?? row.key), detail, mend: { do: 'delete', key: row.key } });
    }
  }

  /** @returns whether the document is there and has the key; undefined where it is damaged, so that nobody knows */
  #ownerOf(idKey: Buffer, index: Index, key: Buffer): boolean | undefined {
    try {
      const octets = this.#store.get(Buffer.concat([this.#collection.prefix, idKey]));
      if (octets === undefined) return false;
      return [...this.#entriesOf(octets, index).keys.values()].some((entry) => entry.key.equals(key));
    } catch (error) {
      if (!isOfDocument(error)) throw error;
      return undefined;
    }
  }

  #entriesOf(octets: Buffer, index: Index): IndexEntries {
    validateDocument(octets, 0, octets.length);
    const document = documentValue(octets);
    const id = fieldNamed(document, '_id');
    if (id === undefined) throw new Error('it has no _id');
    return entriesOf(index, document, id);
  }

  #sayMark(index: string, detail: string): void {
    const { namespace } = this.#collection;
    if (this.#marks.has(detail)) return;
    this.#marks.add(detail);
    this.#say({ kind: 'index-mark', id: '', detail, mend: { do: 'mark', namespace, index } });
  }

  #say(damage: Omit<Damage, 'namespace'>): void {
    this.#onDamage({ ...damage, namespace: this.#collection.namespace });
  }
}

/** All rows of a range, a batch at a time. */
export function* rowsOf(store: Store, range: { readonly from: Buffer; readonly to: Buffer }): Generator<StoredRow> {
  let { from } = range;
  for (;;) {
    const rows = store.read({ from, to: range.to }, BATCH, false);
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < BATCH) return;
    from = Buffer.concat([last.key, Buffer.from([0])]);
  }
}

/** A key as one can look for it, cut where it is long. */
export function keyText(key: Buffer): string {
  const text = key.toString('hex', 0, 40);
  return `0x${text}${key.length > 40 ? '…' : ''}`;
}

function valueOrNone(read: () => Buffer | undefined): Buffer | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof DamagedValueError) return undefined;
    throw error;
  }
}

/** SQLite's own failures concern more than the document at hand. */
function isOfDocument(error: unknown): boolean {
  return !(error instanceof Error && 'errcode' in error);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
