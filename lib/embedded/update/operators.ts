import { calculate } from '../bson/arithmetic.ts';
import { compareValues } from '../bson/compare.ts';
import { fitsInt, numericOf, toDouble, truncateToLong } from '../bson/number.ts';
import { renderValue } from '../bson/render.ts';
import { BsonType, isNumeric, typeName } from '../bson/types.ts';
import { entriesOf, fieldNamed, stringOf, valuesOf, type Value } from '../bson/value.ts';
import { arrayValue, dateValue, intValue, longValue, timestampValue } from '../bson/write.ts';
import { EngineError } from '../errors/failure.ts';
import { DistinctValues } from '../keys/distinct-values.ts';
import { parsePushModifiers, push } from './push.ts';
import { parsePull } from './pull.ts';

/** What becomes of the value at a path; undefined in and out means that there is none. `UNCHANGED` leaves all as it is. */
export type Change = (current: Value | undefined) => Value | undefined | typeof UNCHANGED;
export const UNCHANGED: unique symbol = Symbol('unchanged');

export interface Moment {
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** Builds an operator's change from its operand, and checks that. */
export type OperatorParser = (operand: Value, path: string, moment: Moment) => Change;

function bad(message: string, code = 2): never {
  throw new EngineError(code, message);
}

function arrayAt(current: Value, operator: string, path: string): Value[] {
  if (current.type !== BsonType.array) {
    bad(`The field '${path}' must be an array for ${operator} but is of type ${typeName(current.type)}`);
  }
  return valuesOf(current);
}

function arithmetic(operator: '$inc' | '$mul'): OperatorParser {
  const operation = operator === '$inc' ? 'add' : 'multiply';
  return (operand, path) => {
    if (!isNumeric(operand.type))
      bad(`Cannot ${operator} with non-numeric argument: {${path}: ${renderValue(operand)}}`, 14);
    return (current) => {
      if (current === undefined) return operator === '$inc' ? operand : calculate('multiply', operand, intValue(0));
      if (!isNumeric(current.type)) {
        bad(`Cannot apply ${operator} to a value of non-numeric type: '${path}' is ${typeName(current.type)}`, 14);
      }
      const result = calculate(operation, current, operand);
      if (result === undefined) bad(`Failed to apply ${operator} to ${renderValue(current)}: int64 overflows`);
      return result;
    };
  };
}

function extreme(operator: '$min' | '$max'): OperatorParser {
  const sign = operator === '$min' ? -1 : 1;
  return (operand) => (current) =>
    current === undefined || compareValues(operand, current) * sign > 0 ? operand : UNCHANGED;
}

const parseAddToSet: OperatorParser = (operand, path) => {
  const each = operand.type === BsonType.object ? fieldNamed(operand, '$each') : undefined;
  if (each !== undefined) {
    if (each.type !== BsonType.array) bad('The argument to $each in $addToSet must be an array', 14);
    const unknown = entriesOf(operand).find(([name]) => name !== '$each');
    if (unknown !== undefined) bad(`Found unexpected fields after $each in $addToSet: ${unknown[0]}`);
  }
  const added = each === undefined ? [operand] : valuesOf(each);
  return (current) => {
    const values = current === undefined ? [] : arrayAt(current, '$addToSet', path);
    const before = values.length;
    const present = new DistinctValues();
    for (const value of values) present.add(value);
    for (const value of added) if (present.add(value)) values.push(value);
    return current !== undefined && values.length === before ? UNCHANGED : arrayValue(values);
  };
};

const parsePullAll: OperatorParser = (operand, path) => {
  if (operand.type !== BsonType.array) bad('$pullAll requires an array argument');
  const removed = new DistinctValues();
  for (const value of valuesOf(operand)) removed.add(value);
  return (current) => {
    if (current === undefined) return UNCHANGED;
    return arrayValue(arrayAt(current, '$pullAll', path).filter((value) => !removed.has(value)));
  };
};

const parsePop: OperatorParser = (operand, path) => {
  const end = isNumeric(operand.type) ? toDouble(numericOf(operand)) : NaN;
  if (end !== 1 && end !== -1) throw new EngineError(9, `$pop expects 1 or -1, found: ${renderValue(operand)}`);
  return (current) => {
    if (current === undefined) return UNCHANGED;
    const values = arrayAt(current, '$pop', path);
    if (values.length === 0) return UNCHANGED;
    return arrayValue(end === 1 ? values.slice(0, -1) : values.slice(1));
  };
};

const parseBit: OperatorParser = (operand, path) => {
  if (operand.type !== BsonType.object) bad(`The $bit modifier needs a document: {${path}: …}`);
  const steps = entriesOf(operand);
  if (steps.length === 0) bad('You must pass in at least one bitwise operation');
  for (const [name, value] of steps) {
    if (!['and', 'or', 'xor'].includes(name)) bad(`The $bit modifier knows and, or, xor, not '${name}'`);
    if (value.type !== BsonType.int && value.type !== BsonType.long) bad('The $bit modifier field must be an integer');
  }
  return (current) => {
    if (current !== undefined && current.type !== BsonType.int && current.type !== BsonType.long) {
      bad(`Cannot apply $bit to a value of non-integral type: '${path}' is ${typeName(current.type)}`);
    }
    let isLong = current?.type === BsonType.long;
    let result = current === undefined ? 0n : (truncateToLong(numericOf(current)) ?? 0n);
    for (const [name, value] of steps) {
      const mask = truncateToLong(numericOf(value)) ?? 0n;
      isLong ||= value.type === BsonType.long;
      result = name === 'and' ? result & mask : name === 'or' ? result | mask : result ^ mask;
    }
    return !isLong && fitsInt(result) ? intValue(Number(result)) : longValue(result);
  };
};

const parseCurrentDate: OperatorParser = (operand, _path, { now }) => {
  let kind = 'date';
  if (operand.type === BsonType.object) {
    const entries = entriesOf(operand);
    const [name, type] = entries[0] ?? ['', operand];
    kind = entries.length === 1 && name === '$type' && type.type === BsonType.string ? stringOf(type) : '';
  } else if (operand.type !== BsonType.boolean) kind = '';
  if (kind !== 'date' && kind !== 'timestamp') {
    bad("$currentDate takes a boolean, or { $type: 'date' } or { $type: 'timestamp' }");
  }
  const value = kind === 'date' ? dateValue(now) : timestampValue(Math.floor(now / 1000), 1);
  return () => value;
};

/** Every operator of an update but `$rename`, which has two paths, and `$setOnInsert`, which is `$set` at times. */
export const UPDATE_OPERATORS: ReadonlyMap<string, OperatorParser> = new Map<string, OperatorParser>([
  ['$set', (operand) => () => operand],
  ['$setOnInsert', (operand) => () => operand],
  ['$unset', () => () => undefined],
  ['$inc', arithmetic('$inc')],
  ['$mul', arithmetic('$mul')],
  ['$min', extreme('$min')],
  ['$max', extreme('$max')],
  [
    '$push',
    (operand, path) => {
      const modifiers = parsePushModifiers(operand);
      return (current) => push(current === undefined ? [] : arrayAt(current, '$push', path), modifiers);
    },
  ],
  ['$addToSet', parseAddToSet],
  [
    '$pull',
    (operand, path) => {
      const isPulled = parsePull(operand);
      return (current) =>
        current === undefined
          ? UNCHANGED
          : arrayValue(arrayAt(current, '$pull', path).filter((value) => !isPulled(value)));
    },
  ],
  ['$pullAll', parsePullAll],
  ['$pop', parsePop],
  ['$bit', parseBit],
  ['$currentDate', parseCurrentDate],
]);
