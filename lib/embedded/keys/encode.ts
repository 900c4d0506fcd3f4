import { createHash } from 'node:crypto';
import { UnsupportedError } from '../errors/failure.ts';
import type { Decimal } from '../bson/decimal.ts';
import {
  compareNumeric,
  isDecimal,
  isNaNumber,
  numericOf,
  toDouble,
  truncateToLong,
  type Numeric,
} from '../bson/number.ts';
import { BsonType, rankOf } from '../bson/types.ts';
import { elementsOf, type Value } from '../bson/value.ts';

/** Keys longer than this are cut; what is cut off is stood for by a hash. */
export const LONGEST_KEY = 1000;
/** Bounds longer than this are cut, and then hold for more keys than one. */
export const LONGEST_BOUND = LONGEST_KEY - 32;
const TWO_53 = 9007199254740992;

/** Collects the octets of one key; sorted octet by octet, keys are in the order of their values. */
class KeyBuffer {
  octets = Buffer.allocUnsafe(512);
  length = 0;

  reserve(more: number): void {
    if (this.length + more <= this.octets.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.length + more, this.octets.length * 2));
    this.octets.copy(grown, 0, 0, this.length);
    this.octets = grown;
  }

  octet(value: number): void {
    this.reserve(1);
    this.octets[this.length++] = value;
  }

  copy(source: Buffer, start: number, end: number): void {
    this.reserve(end - start);
    source.copy(this.octets, this.length, start, end);
    this.length += end - start;
  }

  /** Text of any octets: 00 becomes 00 FF, and 00 00 ends it. */
  text(source: Buffer, start: number, end: number): void {
    let from = start;
    for (;;) {
      const zero = source.indexOf(0, from);
      if (zero < 0 || zero >= end) break;
      this.copy(source, from, zero + 1);
      this.octet(0xff);
      from = zero + 1;
    }
    this.copy(source, from, end);
    this.octet(0);
    this.octet(0);
  }
}

const scratch = new KeyBuffer();

/**
 * The key of some values in a row, one after another. No key is the beginning of another one of as many values.
 *
 * @param descending for each value, whether its octets are inverted; none are where it is left out
 * @throws UnsupportedError for a decimal that neither a double nor an int64 equals
 */
export function encodeKey(values: readonly Value[], descending?: readonly boolean[]): Buffer {
  scratch.length = 0;
  values.forEach((value, index) => {
    const start = scratch.length;
    writeValue(scratch, value);
    if (descending?.[index] === true) invert(scratch.octets, start, scratch.length);
  });
  if (scratch.length <= LONGEST_KEY) return Buffer.from(scratch.octets.subarray(0, scratch.length));
  const whole = scratch.octets.subarray(0, scratch.length);
  return Buffer.concat([whole.subarray(0, LONGEST_BOUND), createHash('sha256').update(whole).digest()]);
}

/**
 * As `encodeKey`, for the values that keys begin with: cut without a hash, so that it is the beginning of every
 * key of these values, cut or not.
 */
export function encodeBound(values: readonly Value[], descending?: readonly boolean[]): Buffer {
  const key = encodeKey(values, descending);
  return key.length > LONGEST_BOUND ? key.subarray(0, LONGEST_BOUND) : key;
}

/** True for a key that had to be cut, and which therefore says nothing about order among its like. */
export function isCutKey(key: Uint8Array): boolean {
  return key.length >= LONGEST_KEY;
}

function invert(octets: Buffer, start: number, end: number): void {
  for (let i = start; i < end; i++) octets[i] = ~(octets[i] as number) & 0xff;
}

function writeValue(out: KeyBuffer, value: Value): void {
  out.octet(rankOf(value.type));
  writePayload(out, value);
}

function writePayload(out: KeyBuffer, value: Value): void {
  const { octets, start, end } = value;
  switch (value.type) {
    case BsonType.double:
    case BsonType.int:
    case BsonType.long:
    case BsonType.decimal:
      writeNumber(out, numericOf(value));
      return;
    case BsonType.string:
      out.text(octets, start + 4, end - 1);
      return;
    case BsonType.object:
    case BsonType.array:
      writeNested(out, value);
      return;
    case BsonType.binary:
      out.reserve(4);
      out.length = out.octets.writeUInt32BE(octets.readUInt32LE(start), out.length);
      out.copy(octets, start + 4, end);
      return;
    case BsonType.objectId:
    case BsonType.boolean:
      out.copy(octets, start, end);
      return;
    case BsonType.date:
      out.reserve(8);
      out.length = out.octets.writeInt32BE(octets.readInt32LE(start + 4), out.length);
      out.length = out.octets.writeUInt32BE(octets.readUInt32LE(start), out.length);
      out.octets[out.length - 8] = (out.octets[out.length - 8] as number) ^ 0x80;
      return;
    case BsonType.timestamp:
      out.reserve(8);
      out.length = out.octets.writeUInt32BE(octets.readUInt32LE(start + 4), out.length);
      out.length = out.octets.writeUInt32BE(octets.readUInt32LE(start), out.length);
      return;
    case BsonType.regex: {
      const middle = octets.indexOf(0, start);
      out.text(octets, start, middle);
      out.text(octets, middle + 1, end - 1);
      return;
    }
    default:
      return;
  }
}

/** Elements as compareValues walks them: rank, then name (documents only), then value; 00 ends. */
function writeNested(out: KeyBuffer, value: Value): void {
  const elements = elementsOf(value);
  while (elements.next()) {
    out.octet(rankOf(elements.type));
    if (value.type === BsonType.object) out.text(elements.octets, elements.nameStart, elements.nameEnd);
    writePayload(out, elements.value());
  }
  out.octet(0);
}

/**
 * The greatest double not above the number, its sign bit turned so that octets sort; from 2^53 on, where
 * int64 is finer than double, two octets more hold what lies above that double.
 */
function writeNumber(out: KeyBuffer, given: Numeric): void {
  out.reserve(10);
  const value = isDecimal(given) ? wholeOrSame(given) : given;
  let base: number;
  let rest = 0;
  if (typeof value === 'number') base = value;
  else {
    base = toDouble(value);
    if (typeof value === 'bigint') {
      if (BigInt(base) > value) base = nextBelow(base);
      rest = Number(value - BigInt(base));
    } else if (!isNaNumber(value) && compareNumeric(value, base) !== 0) {
      throw new UnsupportedError(2, 'A Decimal128 that equals no double, as an index key,');
    }
  }
  // NaN sorts below all numbers; -0 equals 0.
  if (Number.isNaN(base)) {
    for (let i = 0; i < 8; i++) out.octets[out.length++] = 0;
    return;
  }
  const at = out.length;
  out.length = out.octets.writeDoubleBE(base === 0 ? 0 : base, at);
  if (base < 0) invert(out.octets, at, at + 8);
  else out.octets[at] = (out.octets[at] as number) | 0x80;
  if (Math.abs(base) >= TWO_53 && Number.isFinite(base)) out.length = out.octets.writeUInt16BE(rest, out.length);
}

/** A decimal that equals an int64 has the same key as that. */
function wholeOrSame(decimal: Decimal): Numeric {
  const whole = truncateToLong(decimal);
  return whole !== undefined && compareNumeric(decimal, whole) === 0 ? whole : decimal;
}

const view = new DataView(new ArrayBuffer(8));

function nextBelow(value: number): number {
  view.setFloat64(0, value);
  view.setBigUint64(0, view.getBigUint64(0) + (value > 0 ? -1n : 1n));
  return view.getFloat64(0);
}

/** The least key that is greater than every key beginning with this one. */
export function successor(prefix: Uint8Array): Buffer {
  const key = Buffer.from(prefix);
  let last = key.length - 1;
  while (last >= 0 && key[last] === 0xff) last--;
  if (last < 0) return Buffer.alloc(prefix.length + 1, 0xff);
  key[last] = (key[last] as number) + 1;
  return key.subarray(0, last + 1);
}
