import { createRequire } from 'node:module';
import { Binary, BSON, MongoServerError, type Collection, type Document, type Filter } from 'mongodb';
import type { Database } from './database.ts';
import { PageSize } from './page-size.ts';
import { orTemporary } from './row-access.ts';

/** A key as rooms make them: octets (Binary) or text. */
export type RawKey = Buffer | string;

/** A range of keys of one kind, bounds included. */
export interface RawRange {
  readonly from: RawKey;
  readonly to: RawKey;
}

/**
 * Documents of a collection as the octets that they are stored as, for who carries them elsewhere without having to
 * know what is in them. What is read is what was written: no value is turned into another type on the way.
 */
export interface RawDocuments {
  /**
   * In order of key. No cursor stays open while the receiver works, so that it may take as long as it wants; it holds
   * one page of a few MiB. @throws MailError `unavailable`
   */
  read(range: RawRange): AsyncGenerator<Buffer, void, undefined>;
  /** The last document of the range. */
  last(range: RawRange): Promise<Buffer | undefined>;
  /** Those that are there, in no order. */
  find(keys: readonly RawKey[]): Promise<Buffer[]>;
  /** Writes them as they are; those whose key is taken are passed over. @returns how many were written */
  insert(documents: readonly Buffer[]): Promise<number>;
  /** Removes every document of the range. */
  remove(range: RawRange): Promise<void>;
}

/** Octets of one page. */
const PAGE_OCTETS = 4 * 1024 * 1024;
const PAGE_DOCUMENTS = 1000;
/** Octets of one insert: a slow server must answer before it is given up. */
const INSERT_OCTETS = 2 * 1024 * 1024;
const INSERT_DOCUMENTS = 500;
const DUPLICATE_KEY = 11000;

export function openRawDocuments(database: Database, name: string): RawDocuments {
  const collection = database.collection(name);
  return {
    read: (range) => readRange(collection, range),
    last: (range) =>
      orTemporary(async () => {
        const [found] = await collection
          .find(toFilter(range.from, range.to), { raw: true, sort: { _id: -1 }, limit: 1 })
          .toArray();
        return found === undefined ? undefined : asOctets(found);
      }),
    find: (keys) =>
      orTemporary(async () => {
        const filter = { _id: { $in: keys.map(toId) } } as unknown as Filter<Document>;
        const found: Buffer[] = [];
        for await (const document of collection.find(filter, { raw: true })) found.push(asOctets(document));
        return found;
      }),
    insert: (documents) => orTemporary(() => insertRaw(collection, documents)),
    remove: ({ from, to }) =>
      orTemporary(async () => {
        await collection.deleteMany(toFilter(from, to));
      }),
  };
}

async function* readRange(collection: Collection, { from, to }: RawRange): AsyncGenerator<Buffer, void, undefined> {
  let filter = toFilter(from, to);
  const size = new PageSize(PAGE_OCTETS, PAGE_DOCUMENTS);
  for (;;) {
    const page = await orTemporary(() => readPage(collection, filter, size));
    yield* page;
    const last = page.at(-1);
    if (last === undefined) return;
    filter = { _id: { $gt: idOf(last), $lte: toId(to) } } as unknown as Filter<Document>;
  }
}

async function readPage(collection: Collection, filter: Filter<Document>, size: PageSize): Promise<Buffer[]> {
  const page: Buffer[] = [];
  let octets = 0;
  const cursor = collection.find(filter, { raw: true, sort: { _id: 1 }, ...size.asked });
  for await (const document of cursor) {
    const raw = asOctets(document);
    page.push(raw);
    octets += raw.length;
    if (size.isFull(octets)) break;
  }
  size.learn(page);
  return page;
}

function toFilter(from: RawKey, to: RawKey): Filter<Document> {
  return { _id: { $gte: toId(from), $lte: toId(to) } } as unknown as Filter<Document>;
}

function toId(key: RawKey): Binary | string {
  return typeof key === 'string' ? key : new Binary(key);
}

/** In raw mode the driver hands out octets in the place of documents; they are views into the whole reply. */
export function asOctets(document: Document): Buffer {
  if (!Buffer.isBuffer(document) && !(document instanceof Uint8Array))
    throw new TypeError('a document that is not raw');
  return Buffer.from(document);
}

/** The `_id` as the driver sends it back to the server, of whatever type it is. */
export function idOf(raw: Buffer): unknown {
  // Whole numbers stay of the width that they have.
  return BSON.deserialize(raw, { promoteValues: false, promoteBuffers: false, promoteLongs: false })['_id'];
}

/** What is in a document: Binaries as Buffers, numbers as numbers. */
export function decodeRawDocument(raw: Buffer): Readonly<Record<string, unknown>> {
  return BSON.deserialize(raw, { promoteBuffers: true });
}

const BINARY = 0x05;
const KEY_NAME = Buffer.from('_id\0');
/** Length of the document (4), type (1), name (4), length of the value (4), subtype (1). */
const KEY_START = 14;

/**
 * The same document under another key of as many octets.
 * @throws RangeError where its first field is no such key
 */
export function withRawKey(raw: Buffer, change: (key: Buffer) => Buffer): Buffer {
  const length = raw.length > KEY_START ? raw.readInt32LE(9) : -1;
  if (raw[4] !== BINARY || !raw.subarray(5, 9).equals(KEY_NAME) || length < 0 || KEY_START + length > raw.length)
    throw new RangeError('the document has no key of octets');
  const key = change(raw.subarray(KEY_START, KEY_START + length));
  if (key.length !== length) throw new RangeError('the key has another length');
  const copy = Buffer.from(raw);
  copy.set(key, KEY_START);
  return copy;
}

interface Sequence {
  push(document: Document, octets: Uint8Array): number;
}

// Not part of the driver's door, as its raw mode has no insert: its version is pinned, and a test fails where this is
// no longer so. What is pushed is sent as it is.
const { DocumentSequence } = createRequire(import.meta.url)('mongodb/lib/cmap/commands.js') as {
  readonly DocumentSequence: new (field: string) => Sequence;
};

/**
 * Inserts documents as they are; one whose key is taken is passed over, so that a repetition is harmless.
 * @returns how many were written
 * @throws errors of the driver; MongoServerError for any other refusal
 */
export async function insertRaw(collection: Collection, documents: readonly Buffer[]): Promise<number> {
  let written = 0;
  for (let start = 0; start < documents.length;) {
    const sequence = new DocumentSequence('documents');
    let end = start;
    for (let octets = 0; end < documents.length && end - start < INSERT_DOCUMENTS; end += 1) {
      const document = documents[end];
      if (document === undefined || (end > start && octets + document.length > INSERT_OCTETS)) break;
      octets += document.length;
      sequence.push({}, document);
    }
    written += await insertSequence(collection, sequence);
    start = end;
  }
  return written;
}

async function insertSequence(collection: Collection, sequence: Sequence): Promise<number> {
  const answer = await collection.db.command({
    insert: collection.collectionName,
    ordered: false,
    writeConcern: { w: 'majority', j: true },
    documents: sequence,
  });
  const errors = (answer['writeErrors'] ?? []) as readonly { readonly code: number; readonly errmsg?: string }[];
  const other = errors.find(({ code }) => code !== DUPLICATE_KEY);
  if (other !== undefined) throw new MongoServerError({ ...other, message: other.errmsg ?? 'a document was refused' });
  if (answer['writeConcernError'] !== undefined)
    throw new MongoServerError({ ...(answer['writeConcernError'] as Document), message: 'the write may not last' });
  return Number(answer['n']);
}
