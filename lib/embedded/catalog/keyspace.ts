import { encodeKey, successor } from '../keys/encode.ts';
import type { Value } from '../bson/value.ts';
import { OWNER_KEY, type KeyRange } from '../store/store.ts';

/** First octets of the keys of each kind of row. */
const FORMAT = 0x01;
const CATALOG = 0x02;
const SESSION = 0x03;
const DOCUMENT = 0x10;
const INDEX = 0x11;

export const FORMAT_KEY: Buffer = Buffer.from([FORMAT]);

export function catalogKey(namespace: string): Buffer {
  return Buffer.concat([Buffer.from([CATALOG]), Buffer.from(namespace)]);
}

export const CATALOG_RANGE = { from: Buffer.from([CATALOG]), to: Buffer.from([CATALOG + 1]) };

/** @param session the octets of a logical session's id */
export function sessionKey(session: Buffer): Buffer {
  return Buffer.concat([Buffer.from([SESSION]), session]);
}

export const SESSION_RANGE = { from: Buffer.from([SESSION]), to: Buffer.from([SESSION + 1]) };

export const DOCUMENTS_RANGE = { from: Buffer.from([DOCUMENT]), to: Buffer.from([DOCUMENT + 1]) } as const;
export const INDEXES_RANGE = { from: Buffer.from([INDEX]), to: Buffer.from([INDEX + 1]) } as const;

/** False for a key that no row of the engine begins like. */
export function isKnownKey(key: Buffer): boolean {
  return [FORMAT, CATALOG, SESSION, OWNER_KEY[0], DOCUMENT, INDEX].includes(key[0]);
}

/** What all documents of a collection begin with. */
export function documentPrefix(collectionId: number): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = DOCUMENT;
  prefix.writeUInt32BE(collectionId, 1);
  return prefix;
}

export function indexPrefix(collectionId: number, indexId: number): Buffer {
  const prefix = Buffer.alloc(7);
  prefix[0] = INDEX;
  prefix.writeUInt32BE(collectionId, 1);
  prefix.writeUInt16BE(indexId, 5);
  return prefix;
}

/** What all indexes of a collection begin with. */
export function indexesRange(collectionId: number): KeyRange {
  const prefix = indexPrefix(collectionId, 0).subarray(0, 5);
  return { from: prefix, to: successor(prefix) };
}

export function wholeRange(prefix: Buffer): { readonly from: Buffer; readonly to: Buffer } {
  return { from: prefix, to: successor(prefix) };
}

export function documentKey(prefix: Buffer, id: Value): Buffer {
  return Buffer.concat([prefix, encodeKey([id])]);
}
