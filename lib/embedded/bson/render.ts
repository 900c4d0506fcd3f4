import { decimalText, readDecimal } from './decimal.ts';
import { BsonType } from './types.ts';
import { bigOf, binaryOf, boolOf, doubleOf, elementsOf, intOf, regexOf, stringOf, type Value } from './value.ts';

const LONGEST = 200;

/** A value as text for an error message, in the manner of MongoDB's shell; long ones are cut. */
export function renderValue(value: Value, depth = 0): string {
  switch (value.type) {
    case BsonType.double:
      return String(doubleOf(value));
    case BsonType.int:
      return String(intOf(value));
    case BsonType.long:
      return String(bigOf(value));
    case BsonType.decimal:
      return decimalText(readDecimal(value.octets, value.start));
    case BsonType.string:
      return JSON.stringify(cut(stringOf(value)));
    case BsonType.boolean:
      return String(boolOf(value));
    case BsonType.date:
      return `new Date(${bigOf(value)})`;
    case BsonType.objectId:
      return `ObjectId('${value.octets.toString('hex', value.start, value.end)}')`;
    case BsonType.binary: {
      const { subtype, data } = binaryOf(value);
      return `BinData(${subtype}, ${cut(data.toString('hex', 0, LONGEST)).toUpperCase()})`;
    }
    case BsonType.regex: {
      const { pattern, flags } = regexOf(value);
      return `/${cut(pattern)}/${flags}`;
    }
    case BsonType.timestamp:
      return `Timestamp(${value.octets.readUInt32LE(value.start + 4)}, ${value.octets.readUInt32LE(value.start)})`;
    case BsonType.minKey:
      return 'MinKey';
    case BsonType.maxKey:
      return 'MaxKey';
    case BsonType.object:
    case BsonType.array:
      return depth > 3 ? '…' : cut(renderNested(value, depth));
    default:
      return 'null';
  }
}

function renderNested(value: Value, depth: number): string {
  const parts: string[] = [];
  const elements = elementsOf(value);
  while (elements.next() && parts.length < 20) {
    const text = renderValue(elements.value(), depth + 1);
    parts.push(value.type === BsonType.array ? text : `${elements.name()}: ${text}`);
  }
  if (value.type === BsonType.array) return `[ ${parts.join(', ')} ]`;
  return parts.length === 0 ? '{}' : `{ ${parts.join(', ')} }`;
}

function cut(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
