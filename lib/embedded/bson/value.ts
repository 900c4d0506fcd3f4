import { BsonType } from './types.ts';

/** One BSON value where it lies in its document: nothing is decoded before somebody asks. */
export interface Value {
  readonly type: number;
  readonly octets: Buffer;
  /** First octet of the value itself, behind type and name. */
  readonly start: number;
  readonly end: number;
}

/** The octet where a value of this type ends. Callers have validated the document. */
function endOfValue(type: number, octets: Buffer, start: number): number {
  switch (type) {
    case BsonType.int:
      return start + 4;
    case BsonType.double:
    case BsonType.long:
    case BsonType.date:
    case BsonType.timestamp:
      return start + 8;
    case BsonType.string:
    case BsonType.code:
    case BsonType.symbol:
      return start + 4 + octets.readInt32LE(start);
    case BsonType.object:
    case BsonType.array:
    case BsonType.codeWithScope:
      return start + octets.readInt32LE(start);
    case BsonType.binary:
      return start + 5 + octets.readInt32LE(start);
    case BsonType.boolean:
      return start + 1;
    case BsonType.objectId:
      return start + 12;
    case BsonType.decimal:
      return start + 16;
    case BsonType.regex:
      return octets.indexOf(0, octets.indexOf(0, start) + 1) + 1;
    case BsonType.dbPointer:
      return start + 4 + octets.readInt32LE(start) + 12;
    default:
      return start;
  }
}

/** Walks the elements of one document or array, without allocating per element. */
export class Elements {
  readonly octets: Buffer;
  type = 0;
  nameStart = 0;
  nameEnd = 0;
  start = 0;
  end: number;

  /** @param start where the document's length field lies */
  constructor(octets: Buffer, start: number) {
    this.octets = octets;
    this.end = start + 4;
  }

  /** Steps to the next element; false at the document's end. */
  next(): boolean {
    const octets = this.octets;
    const type = octets[this.end] as number;
    if (type === 0) return false;
    this.type = type;
    this.nameStart = this.end + 1;
    let position = this.nameStart;
    while (octets[position] !== 0) position++;
    this.nameEnd = position;
    this.start = position + 1;
    this.end = endOfValue(type, octets, this.start);
    return true;
  }

  name(): string {
    return this.octets.toString('utf8', this.nameStart, this.nameEnd);
  }

  value(): Value {
    return { type: this.type, octets: this.octets, start: this.start, end: this.end };
  }

  nameIs(name: Buffer): boolean {
    const length = name.length;
    if (this.nameEnd - this.nameStart !== length) return false;
    for (let i = 0; i < length; i++) if (this.octets[this.nameStart + i] !== name[i]) return false;
    return true;
  }
}

export function elementsOf(value: Value): Elements {
  return new Elements(value.octets, value.start);
}

/** A whole document as a value. */
export function documentValue(octets: Buffer): Value {
  return { type: BsonType.object, octets, start: 0, end: octets.length };
}

/** The octets of a document or array, not copied. */
export function rawOctets(value: Value): Buffer {
  return value.octets.subarray(value.start, value.end);
}

export function fieldOf(value: Value, name: Buffer): Value | undefined {
  const elements = new Elements(value.octets, value.start);
  while (elements.next()) if (elements.nameIs(name)) return elements.value();
  return undefined;
}

/** A field by a name given as text; for options of commands, not for inner loops. */
export function fieldNamed(value: Value, name: string): Value | undefined {
  return fieldOf(value, Buffer.from(name));
}

/** The elements of an array in order, or the field values of a document. */
export function valuesOf(value: Value): Value[] {
  const values: Value[] = [];
  const elements = elementsOf(value);
  while (elements.next()) values.push(elements.value());
  return values;
}

export function entriesOf(value: Value): (readonly [string, Value])[] {
  const entries: (readonly [string, Value])[] = [];
  const elements = elementsOf(value);
  while (elements.next()) entries.push([elements.name(), elements.value()]);
  return entries;
}

export function isEmptyDocument(value: Value): boolean {
  return value.octets[value.start + 4] === 0;
}

export function stringOf(value: Value): string {
  return value.octets.toString('utf8', value.start + 4, value.end - 1);
}

/** The octets of a string without its length and its final NUL. */
export function stringOctets(value: Value): Buffer {
  return value.octets.subarray(value.start + 4, value.end - 1);
}

export function intOf(value: Value): number {
  return value.octets.readInt32LE(value.start);
}

export function doubleOf(value: Value): number {
  return value.octets.readDoubleLE(value.start);
}

export function bigOf(value: Value): bigint {
  return value.octets.readBigInt64LE(value.start);
}

export function boolOf(value: Value): boolean {
  return value.octets[value.start] !== 0;
}

export function binaryOf(value: Value): { readonly subtype: number; readonly data: Buffer } {
  return { subtype: value.octets[value.start + 4] as number, data: value.octets.subarray(value.start + 5, value.end) };
}

export function regexOf(value: Value): { readonly pattern: string; readonly flags: string } {
  const middle = value.octets.indexOf(0, value.start);
  return {
    pattern: value.octets.toString('utf8', value.start, middle),
    flags: value.octets.toString('utf8', middle + 1, value.end - 1),
  };
}

export function isNullish(value: Value | undefined): boolean {
  return value === undefined || value.type === BsonType.null || value.type === BsonType.undefined;
}
