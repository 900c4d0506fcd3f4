import { EngineError } from '../errors/failure.ts';
import { finiteDecimal, writeDecimal, type Decimal } from './decimal.ts';
import { fitsInt, fitsLong } from './number.ts';
import { BsonType } from './types.ts';
import type { Value } from './value.ts';

/** More than any message or document may have; only what grows by itself gets there. */
const LARGEST = 64 * 1024 * 1024;

/** Writes one document front to back; `close` and `finish` fill in the lengths. */
export class DocumentWriter {
  #octets: Buffer;
  #length = 0;
  readonly #open: number[] = [];

  constructor(capacity = 256) {
    this.#octets = Buffer.allocUnsafe(capacity);
    this.#begin();
  }

  /** Octets written so far. */
  get length(): number {
    return this.#length;
  }

  #begin(): void {
    this.#reserve(4);
    this.#open.push(this.#length);
    this.#length += 4;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#octets.length) return;
    if (needed > LARGEST) throw new EngineError(10334, `BSONObj size: ${needed} is invalid`);
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#octets.length * 2));
    this.#octets.copy(grown, 0, 0, this.#length);
    this.#octets = grown;
  }

  #header(type: number, name: string | Buffer, size: number): void {
    const nameLength = typeof name === 'string' ? Buffer.byteLength(name) : name.length;
    this.#reserve(nameLength + 2 + size);
    this.#octets[this.#length++] = type;
    if (typeof name === 'string') this.#octets.write(name, this.#length);
    else name.copy(this.#octets, this.#length);
    this.#length += nameLength;
    this.#octets[this.#length++] = 0;
  }

  value(name: string | Buffer, value: Value): this {
    const size = value.end - value.start;
    this.#header(value.type, name, size);
    value.octets.copy(this.#octets, this.#length, value.start, value.end);
    this.#length += size;
    return this;
  }

  /** A ready document, or array, as a field. */
  raw(name: string | Buffer, octets: Uint8Array, type: number = BsonType.object): this {
    this.#header(type, name, octets.length);
    this.#octets.set(octets, this.#length);
    this.#length += octets.length;
    return this;
  }

  int(name: string, value: number): this {
    this.#header(BsonType.int, name, 4);
    this.#length = this.#octets.writeInt32LE(value, this.#length);
    return this;
  }

  long(name: string, value: bigint): this {
    this.#header(BsonType.long, name, 8);
    this.#length = this.#octets.writeBigInt64LE(value, this.#length);
    return this;
  }

  double(name: string, value: number): this {
    this.#header(BsonType.double, name, 8);
    this.#length = this.#octets.writeDoubleLE(value, this.#length);
    return this;
  }

  string(name: string, value: string): this {
    const size = Buffer.byteLength(value);
    this.#header(BsonType.string, name, size + 5);
    this.#length = this.#octets.writeInt32LE(size + 1, this.#length);
    this.#octets.write(value, this.#length);
    this.#length += size;
    this.#octets[this.#length++] = 0;
    return this;
  }

  bool(name: string, value: boolean): this {
    this.#header(BsonType.boolean, name, 1);
    this.#octets[this.#length++] = value ? 1 : 0;
    return this;
  }

  /** @param at milliseconds since 1970 */
  date(name: string, at: number): this {
    this.#header(BsonType.date, name, 8);
    this.#length = this.#octets.writeBigInt64LE(BigInt(Math.trunc(at)), this.#length);
    return this;
  }

  null(name: string): this {
    this.#header(BsonType.null, name, 0);
    return this;
  }

  openDocument(name: string | Buffer): this {
    this.#header(BsonType.object, name, 4);
    this.#begin();
    return this;
  }

  openArray(name: string | Buffer): this {
    this.#header(BsonType.array, name, 4);
    this.#begin();
    return this;
  }

  close(): this {
    this.#reserve(1);
    this.#octets[this.#length++] = 0;
    const start = this.#open.pop() ?? 0;
    this.#octets.writeInt32LE(this.#length - start, start);
    return this;
  }

  /** The document; the writer is used up. */
  finish(): Buffer {
    this.close();
    return this.#octets.subarray(0, this.#length);
  }
}

const fixed = (type: number, octets: Buffer): Value => ({ type, octets, start: 0, end: octets.length });

const NOTHING = Buffer.alloc(0);
export const NULL_VALUE: Value = fixed(BsonType.null, NOTHING);
/** Stands in index keys and sort keys for an empty array; never stored. */
export const UNDEFINED_VALUE: Value = fixed(BsonType.undefined, NOTHING);
const TRUE_VALUE: Value = fixed(BsonType.boolean, Buffer.from([1]));
const FALSE_VALUE: Value = fixed(BsonType.boolean, Buffer.from([0]));

export function boolValue(value: boolean): Value {
  return value ? TRUE_VALUE : FALSE_VALUE;
}

export function intValue(value: number): Value {
  const octets = Buffer.allocUnsafe(4);
  octets.writeInt32LE(value);
  return fixed(BsonType.int, octets);
}

export function longValue(value: bigint): Value {
  const octets = Buffer.allocUnsafe(8);
  octets.writeBigInt64LE(value);
  return fixed(BsonType.long, octets);
}

export function doubleValue(value: number): Value {
  const octets = Buffer.allocUnsafe(8);
  octets.writeDoubleLE(value);
  return fixed(BsonType.double, octets);
}

export function decimalValue(value: Decimal): Value {
  return fixed(BsonType.decimal, writeDecimal(value));
}

/** An integer in the narrower of int32 and int64 that holds it; beyond both, a decimal of it. */
export function integerValue(value: bigint): Value {
  if (fitsInt(value)) return intValue(Number(value));
  return fitsLong(value) ? longValue(value) : decimalValue(finiteDecimal(value, 0));
}

export function stringValue(value: string): Value {
  const text = Buffer.from(value);
  const octets = Buffer.allocUnsafe(text.length + 5);
  octets.writeInt32LE(text.length + 1);
  text.copy(octets, 4);
  octets[text.length + 4] = 0;
  return fixed(BsonType.string, octets);
}

export function dateValue(at: number): Value {
  return fixed(BsonType.date, longValue(BigInt(Math.trunc(at))).octets);
}

export function timestampValue(seconds: number, increment: number): Value {
  const octets = Buffer.allocUnsafe(8);
  octets.writeUInt32LE(increment, 0);
  octets.writeUInt32LE(seconds, 4);
  return fixed(BsonType.timestamp, octets);
}

export function arrayValue(values: readonly Value[]): Value {
  const writer = new DocumentWriter(64);
  values.forEach((value, index) => writer.value(String(index), value));
  return fixed(BsonType.array, writer.finish());
}

export function objectValue(entries: Iterable<readonly [string, Value]>): Value {
  const writer = new DocumentWriter(64);
  for (const [name, value] of entries) writer.value(name, value);
  return fixed(BsonType.object, writer.finish());
}
