import { documentPrefix, indexPrefix } from './keyspace.ts';
import type { PathNames } from '../keys/extract.ts';
import type { Filter } from '../query/filter.ts';
import { parseFilter } from '../query/parse.ts';
import { BsonType } from '../bson/types.ts';
import {
  boolOf,
  documentValue,
  entriesOf,
  fieldNamed,
  intOf,
  rawOctets,
  stringOf,
  valuesOf,
  type Value,
} from '../bson/value.ts';
import { DocumentWriter } from '../bson/write.ts';

/** One secondary index. The order of documents by `_id` is no index of its own: documents are stored in it. */
export interface Index {
  readonly id: number;
  readonly name: string;
  readonly fields: readonly IndexField[];
  readonly paths: readonly PathNames[];
  readonly descending: readonly boolean[];
  readonly isUnique: boolean;
  readonly isSparse: boolean;
  /** Only documents that match are in the index. */
  readonly partial: { readonly filter: Filter; readonly document: Value } | undefined;
  readonly prefix: Buffer;
  /** Documents go so long after the earliest date that the index has of them; undefined for never. */
  expireAfterSeconds: number | undefined;
  /** True once a document gave more than one key: entries are then not documents. */
  isMultikey: boolean;
  /** True once a key had to be cut: the order of entries is then not that of values. */
  hasCutKeys: boolean;
}

export interface IndexField {
  readonly path: string;
  readonly isDescending: boolean;
}

export interface IndexOptions {
  readonly name: string;
  readonly fields: readonly IndexField[];
  readonly isUnique: boolean;
  readonly isSparse: boolean;
  readonly partial: Value | undefined;
  readonly expireAfterSeconds?: number | undefined;
}

/** One collection as the catalog knows it. */
export interface Collection {
  readonly id: number;
  readonly database: string;
  readonly name: string;
  readonly namespace: string;
  readonly prefix: Buffer;
  readonly indexes: Index[];
  nextIndexId: number;
  /** True once an `_id` was so long that its key had to be cut. */
  hasCutIds: boolean;
}

export function newCollection(id: number, database: string, name: string): Collection {
  return {
    id,
    database,
    name,
    namespace: `${database}.${name}`,
    prefix: documentPrefix(id),
    indexes: [],
    nextIndexId: 1,
    hasCutIds: false,
  };
}

export function newIndex(collectionId: number, id: number, options: IndexOptions): Index {
  return {
    id,
    name: options.name,
    fields: options.fields,
    paths: options.fields.map(({ path }) => path.split('.').map((name) => Buffer.from(name))),
    descending: options.fields.map(({ isDescending }) => isDescending),
    isUnique: options.isUnique,
    isSparse: options.isSparse,
    partial:
      options.partial === undefined ? undefined : { filter: parseFilter(options.partial), document: options.partial },
    prefix: indexPrefix(collectionId, id),
    expireAfterSeconds: options.expireAfterSeconds,
    isMultikey: false,
    hasCutKeys: false,
  };
}

/** The index's own description, as listIndexes gives it. */
export function describeIndex(writer: DocumentWriter, index: Index): void {
  writer.int('v', 2).openDocument('key');
  for (const { path, isDescending } of index.fields) writer.int(path, isDescending ? -1 : 1);
  writer.close().string('name', index.name);
  if (index.isUnique) writer.bool('unique', true);
  if (index.isSparse) writer.bool('sparse', true);
  if (index.partial !== undefined) writer.value('partialFilterExpression', index.partial.document);
  if (index.expireAfterSeconds !== undefined) writer.int('expireAfterSeconds', index.expireAfterSeconds);
}

/** A collection as its row in the catalog. */
export function encodeCollection(collection: Collection): Buffer {
  const writer = new DocumentWriter();
  writer
    .int('v', 1)
    .int('id', collection.id)
    .string('database', collection.database)
    .string('name', collection.name)
    .int('nextIndexId', collection.nextIndexId)
    .bool('hasCutIds', collection.hasCutIds)
    .openArray('indexes');
  collection.indexes.forEach((index, position) => {
    writer.openDocument(String(position)).int('id', index.id);
    describeIndex(writer, index);
    writer.bool('isMultikey', index.isMultikey).bool('hasCutKeys', index.hasCutKeys).close();
  });
  return writer.close().finish();
}

function required(document: Value, name: string): Value {
  const value = fieldNamed(document, name);
  if (value === undefined) throw new Error(`catalog row without ${name}`);
  return value;
}

const isSet = (document: Value, name: string): boolean => {
  const value = fieldNamed(document, name);
  return value?.type === BsonType.boolean && boolOf(value);
};

/** @throws Error for a row of another version, which only a newer engine can read */
export function decodeCollection(octets: Buffer): Collection {
  const row = documentValue(octets);
  if (intOf(required(row, 'v')) !== 1) throw new Error('the data is of a newer version of the embedded engine');
  const collection = newCollection(
    intOf(required(row, 'id')),
    stringOf(required(row, 'database')),
    stringOf(required(row, 'name')),
  );
  collection.nextIndexId = intOf(required(row, 'nextIndexId'));
  collection.hasCutIds = isSet(row, 'hasCutIds');
  for (const described of valuesOf(required(row, 'indexes'))) {
    const expiry = fieldNamed(described, 'expireAfterSeconds');
    const options = {
      name: stringOf(required(described, 'name')),
      fields: entriesOf(required(described, 'key')).map(([path, value]) => ({ path, isDescending: intOf(value) < 0 })),
      isUnique: isSet(described, 'unique'),
      isSparse: isSet(described, 'sparse'),
      partial: ownCopy(fieldNamed(described, 'partialFilterExpression')),
      expireAfterSeconds: expiry === undefined ? undefined : intOf(expiry),
    };
    const index = newIndex(collection.id, intOf(required(described, 'id')), options);
    index.isMultikey = isSet(described, 'isMultikey');
    index.hasCutKeys = isSet(described, 'hasCutKeys');
    collection.indexes.push(index);
  }
  return collection;
}

/** The value in a buffer of its own, so that keeping it does not keep the message it came in. */
export function ownCopy(value: Value | undefined): Value | undefined {
  if (value === undefined) return undefined;
  const octets = Buffer.from(rawOctets(value));
  return { type: value.type, octets, start: 0, end: octets.length };
}
