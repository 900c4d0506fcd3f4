import { EngineError, UnsupportedError } from '../errors/failure.ts';
import { BsonType, isTypeCode, typeName } from './types.ts';

/** MongoDB's own limit to nesting. */
const MAX_DEPTH = 180;

const REFUSED: ReadonlySet<number> = new Set([
  BsonType.undefined,
  BsonType.dbPointer,
  BsonType.code,
  BsonType.symbol,
  BsonType.codeWithScope,
]);

function invalid(what: string): never {
  throw new EngineError(22, `Invalid BSON: ${what}`);
}

/**
 * Walks a document that a peer sent and makes sure that every length, terminator and type in it holds, so
 * that readers behind need no bounds checks of their own. Iterative: nesting cannot exhaust the stack.
 *
 * @param start where the document's length field lies
 * @param limit the octet that it must not pass
 * @returns the octet behind the document
 * @throws EngineError 22 for malformed octets, 15 for nesting beyond MongoDB's limit
 */
export function validateDocument(octets: Buffer, start: number, limit: number): number {
  const ends: number[] = [];
  const enter = (at: number, within: number): number => {
    if (at + 5 > within) invalid('a document is cut short');
    const size = octets.readInt32LE(at);
    if (size < 5 || at + size > within || octets[at + size - 1] !== 0) invalid('a document has a wrong length');
    if (ends.length >= MAX_DEPTH) throw new EngineError(15, `Document nests deeper than ${MAX_DEPTH} levels`);
    ends.push(at + size - 1);
    return at + 4;
  };
  let position = enter(start, limit);
  for (;;) {
    const end = ends.at(-1) as number;
    const type = octets[position] as number;
    if (type === 0) {
      if (position !== end) invalid('a document ends early');
      ends.pop();
      position += 1;
      if (ends.length === 0) return position;
      continue;
    }
    if (!isTypeCode(type)) invalid(`unknown type ${type}`);
    if (REFUSED.has(type)) throw new UnsupportedError(2, `BSON type ${typeName(type)}`);
    const nameEnd = octets.indexOf(0, position + 1);
    if (nameEnd < 0 || nameEnd >= end) invalid('a field name has no end');
    position = nameEnd + 1;
    position =
      type === BsonType.object || type === BsonType.array
        ? enter(position, end)
        : endOfScalar(octets, type, position, end);
  }
}

/** @returns the octet behind a value that is neither document nor array */
function endOfScalar(octets: Buffer, type: number, start: number, end: number): number {
  const within = (next: number): number => {
    if (next > end) invalid('a value is cut short');
    return next;
  };
  switch (type) {
    case BsonType.double:
    case BsonType.long:
    case BsonType.date:
    case BsonType.timestamp:
      return within(start + 8);
    case BsonType.int:
      return within(start + 4);
    case BsonType.objectId:
      return within(start + 12);
    case BsonType.decimal:
      return within(start + 16);
    case BsonType.boolean:
      within(start + 1);
      if ((octets[start] as number) > 1) invalid('a boolean is neither true nor false');
      return start + 1;
    case BsonType.string: {
      within(start + 5);
      const size = octets.readInt32LE(start);
      if (size < 1 || start + 4 + size > end || octets[start + 3 + size] !== 0) invalid('a string has a wrong length');
      return start + 4 + size;
    }
    case BsonType.binary: {
      within(start + 5);
      const size = octets.readInt32LE(start);
      if (size < 0) invalid('binary data has a wrong length');
      return within(start + 5 + size);
    }
    case BsonType.regex: {
      const middle = octets.indexOf(0, start);
      const last = middle < 0 ? -1 : octets.indexOf(0, middle + 1);
      if (last < 0 || last >= end) invalid('a regular expression has no end');
      return last + 1;
    }
    default:
      return start;
  }
}
