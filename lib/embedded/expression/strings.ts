import { decimalText, readDecimal } from '../bson/decimal.ts';
import { BsonType, typeName } from '../bson/types.ts';
import { bigOf, boolOf, doubleOf, intOf, isNullish, stringOctets, stringOf, type Value } from '../bson/value.ts';
import { intValue, NULL_VALUE, stringValue } from '../bson/write.ts';
import { EngineError, UnsupportedError } from '../errors/failure.ts';
import { numericOf, toDouble } from '../bson/number.ts';
import { isNumeric } from '../bson/types.ts';
import { withArguments, type OperatorBuilder } from './scope.ts';

function text(operator: string, value: Value | undefined, code: number): string {
  if (value?.type === BsonType.string) return stringOf(value);
  const found = value === undefined ? 'missing' : typeName(value.type);
  throw new EngineError(code, `${operator} requires a string argument, found: ${found}`);
}

const LARGEST_TEXT = 16 * 1024 * 1024;

/** Null and missing count as the empty text. */
const mapping = (operator: string, run: (text: string) => string): OperatorBuilder =>
  withArguments(1, 1, ([value]) => stringValue(isNullish(value) ? '' : run(text(operator, value, 16007))));

/** MongoDB changes the case of ASCII letters only. */
const asciiCase = (value: string, toUpper: boolean): string =>
  value.replace(toUpper ? /[a-z]+/g : /[A-Z]+/g, (letters) =>
    toUpper ? letters.toUpperCase() : letters.toLowerCase(),
  );

const concat = withArguments(0, Infinity, (values) => {
  if (values.some(isNullish)) return NULL_VALUE;
  const octets = values.reduce((sum, value) => sum + (value === undefined ? 0 : value.end - value.start), 0);
  if (octets > LARGEST_TEXT) throw new EngineError(10334, `$concat of ${octets} octets gives no value of a document`);
  return stringValue(values.map((value) => text('$concat', value, 16702)).join(''));
});

const index = (operator: string, value: Value | undefined): number => {
  const number = value !== undefined && isNumeric(value.type) ? toDouble(numericOf(value)) : NaN;
  if (!Number.isInteger(number)) throw new EngineError(34452, `${operator} takes whole numbers`);
  return number;
};

const substrCP = withArguments(3, 3, ([value, start, length]) => {
  const characters = isNullish(value) ? [] : Array.from(text('$substrCP', value, 16034));
  const from = index('$substrCP', start);
  const count = index('$substrCP', length);
  if (from < 0 || count < 0) throw new EngineError(34453, '$substrCP takes no negative numbers');
  return stringValue(characters.slice(from, from + count).join(''));
});

function asText(value: Value): string {
  switch (value.type) {
    case BsonType.string:
      return stringOf(value);
    case BsonType.int:
      return String(intOf(value));
    case BsonType.long:
      return String(bigOf(value));
    case BsonType.double:
      return String(doubleOf(value));
    case BsonType.decimal:
      return decimalText(readDecimal(value.octets, value.start));
    case BsonType.boolean:
      return String(boolOf(value));
    case BsonType.objectId:
      return value.octets.toString('hex', value.start, value.end);
    case BsonType.date:
      return new Date(Number(bigOf(value))).toISOString();
    default:
      throw new UnsupportedError(241, `$toString of ${typeName(value.type)}`);
  }
}

const toObjectId = withArguments(1, 1, ([value]) => {
  if (value === undefined || isNullish(value)) return NULL_VALUE;
  if (value.type === BsonType.objectId) return value;
  const hex = text('$toObjectId', value, 241);
  if (!/^[0-9a-fA-F]{24}$/.test(hex))
    throw new EngineError(241, `Failed to parse objectId in $convert: ${hex.slice(0, 80)}`);
  return { type: BsonType.objectId, octets: Buffer.from(hex, 'hex'), start: 0, end: 12 };
});

export const STRING_OPERATORS: ReadonlyMap<string, OperatorBuilder> = new Map([
  ['$concat', concat],
  ['$toUpper', mapping('$toUpper', (value) => asciiCase(value, true))],
  ['$toLower', mapping('$toLower', (value) => asciiCase(value, false))],
  ['$substrCP', substrCP],
  [
    '$strLenBytes',
    withArguments(1, 1, ([value]) => {
      text('$strLenBytes', value, 34473);
      return intValue(value === undefined ? 0 : stringOctets(value).length);
    }),
  ],
  ['$strLenCP', withArguments(1, 1, ([value]) => intValue(Array.from(text('$strLenCP', value, 34471)).length))],
  [
    '$toString',
    withArguments(1, 1, ([value]) =>
      value === undefined || isNullish(value) ? NULL_VALUE : stringValue(asText(value)),
    ),
  ],
  ['$toObjectId', toObjectId],
]);
