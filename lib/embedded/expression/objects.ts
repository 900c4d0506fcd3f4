import { BsonType, typeName } from '../bson/types.ts';
import { bigOf, entriesOf, isNullish, stringOf, type Value } from '../bson/value.ts';
import { intValue, NULL_VALUE, objectValue, stringValue } from '../bson/write.ts';
import { EngineError, UnsupportedError } from '../errors/failure.ts';
import { namedArguments, withArguments, type OperatorBuilder } from './scope.ts';

const mergeObjects = withArguments(0, Infinity, (values) => {
  const merged = new Map<string, Value>();
  for (const value of values) {
    if (value === undefined || isNullish(value)) continue;
    if (value.type !== BsonType.object) {
      throw new EngineError(
        40400,
        `$mergeObjects requires object inputs, but input is of type ${typeName(value.type)}`,
      );
    }
    for (const [name, inner] of entriesOf(value)) merged.set(name, inner);
  }
  return objectValue(merged);
});

/** Milliseconds of a date or timestamp; undefined for null. */
function momentOf(operator: string, value: Value | undefined): Date | undefined {
  if (value === undefined || isNullish(value)) return undefined;
  if (value.type === BsonType.date) return new Date(Number(bigOf(value)));
  if (value.type === BsonType.timestamp) return new Date(value.octets.readUInt32LE(value.start + 4) * 1000);
  throw new EngineError(16006, `can't convert from BSON type ${typeName(value.type)} to Date for ${operator}`);
}

const datePart = (operator: string, part: (date: Date) => number): OperatorBuilder =>
  withArguments(1, 1, ([value]) => {
    const date = momentOf(operator, value);
    return date === undefined ? NULL_VALUE : intValue(part(date));
  });

const two = (number: number): string => String(number).padStart(2, '0');

/** Formats of UTC that are plain digits. */
const FORMATS: ReadonlyMap<string, (date: Date) => string> = new Map([
  ['%Y', (date: Date) => String(date.getUTCFullYear()).padStart(4, '0')],
  ['%m', (date: Date) => two(date.getUTCMonth() + 1)],
  ['%d', (date: Date) => two(date.getUTCDate())],
  ['%H', (date: Date) => two(date.getUTCHours())],
  ['%M', (date: Date) => two(date.getUTCMinutes())],
  ['%S', (date: Date) => two(date.getUTCSeconds())],
  ['%L', (date: Date) => String(date.getUTCMilliseconds()).padStart(3, '0')],
  ['%%', () => '%'],
]);

const buildDateToString: OperatorBuilder = (operand, compile) => {
  const named = namedArguments('$dateToString', operand, ['date'], ['format']);
  const date = compile(named('date') ?? operand);
  const given = named('format');
  const format = given === undefined ? '%Y-%m-%dT%H:%M:%S.%LZ' : stringOf(given);
  for (const [directive] of format.matchAll(/%./g)) {
    if (!FORMATS.has(directive)) throw new UnsupportedError(18536, `Format ${directive} of $dateToString`);
  }
  return (scope) => {
    const moment = momentOf('$dateToString', date(scope));
    if (moment === undefined) return NULL_VALUE;
    return stringValue(format.replace(/%./g, (directive) => FORMATS.get(directive)?.(moment) ?? directive));
  };
};

export const OBJECT_OPERATORS: ReadonlyMap<string, OperatorBuilder> = new Map([
  ['$mergeObjects', mergeObjects],
  ['$literal', (operand) => () => operand],
  ['$type', withArguments(1, 1, ([value]) => stringValue(value === undefined ? 'missing' : typeName(value.type)))],
  ['$year', datePart('$year', (date) => date.getUTCFullYear())],
  ['$month', datePart('$month', (date) => date.getUTCMonth() + 1)],
  ['$dayOfMonth', datePart('$dayOfMonth', (date) => date.getUTCDate())],
  ['$dateToString', buildDateToString],
]);
