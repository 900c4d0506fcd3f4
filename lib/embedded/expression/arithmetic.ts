import { calculate, inDoubles } from '../bson/arithmetic.ts';
import { compareValues } from '../bson/compare.ts';
import { isDecimal, numericOf, toDouble } from '../bson/number.ts';
import { BsonType, isNumeric, typeName } from '../bson/types.ts';
import { isNullish, valuesOf, type Value } from '../bson/value.ts';
import { doubleValue, intValue, NULL_VALUE } from '../bson/write.ts';
import { EngineError, UnsupportedError } from '../errors/failure.ts';
import { withArguments, type OperatorBuilder } from './scope.ts';

const MINUS_ONE = intValue(-1);

function numeric(operator: string, value: Value): Value {
  if (value.type === BsonType.date) throw new UnsupportedError(168, `${operator} of dates`);
  if (!isNumeric(value.type)) {
    throw new EngineError(14, `${operator} only supports numeric types, not ${typeName(value.type)}`);
  }
  return value;
}

/** What overflows int64 goes on as a double. */
export function calculateFreely(operation: 'add' | 'multiply', a: Value, b: Value): Value {
  return calculate(operation, a, b) ?? doubleValue(inDoubles(operation, numericOf(a), numericOf(b)));
}

const folding = (operator: string, operation: 'add' | 'multiply', start: number): OperatorBuilder =>
  withArguments(0, Infinity, (values) => {
    let result = intValue(start);
    let isNull = false;
    for (const value of values) {
      if (value === undefined || isNullish(value)) isNull = true;
      else result = calculateFreely(operation, result, numeric(operator, value));
    }
    return isNull ? NULL_VALUE : result;
  });

const subtract = withArguments(2, 2, ([a, b]) => {
  if (a === undefined || b === undefined || isNullish(a) || isNullish(b)) return NULL_VALUE;
  const negated = calculateFreely('multiply', numeric('$subtract', b), MINUS_ONE);
  return calculateFreely('add', numeric('$subtract', a), negated);
});

const divide = withArguments(2, 2, ([a, b]) => {
  if (a === undefined || b === undefined || isNullish(a) || isNullish(b)) return NULL_VALUE;
  const [left, right] = [numericOf(numeric('$divide', a)), numericOf(numeric('$divide', b))];
  if (isDecimal(left) || isDecimal(right)) throw new UnsupportedError(168, '$divide of Decimal128');
  if (toDouble(right) === 0) throw new EngineError(2, "can't $divide by zero");
  return doubleValue(toDouble(left) / toDouble(right));
});

/** The values that an accumulator used as an expression works on: of its one array, or its arguments. */
function listed(values: readonly (Value | undefined)[]): (Value | undefined)[] {
  const [only] = values;
  return values.length === 1 && only?.type === BsonType.array ? valuesOf(only) : [...values];
}

function sumOf(values: readonly (Value | undefined)[]): Value {
  let sum = intValue(0);
  for (const value of values)
    if (value !== undefined && isNumeric(value.type)) sum = calculateFreely('add', sum, value);
  return sum;
}

/** @throws UnsupportedError for decimals, whose division is not built */
export function averageOf(values: readonly (Value | undefined)[]): Value {
  const numbers = values.filter((value): value is Value => value !== undefined && isNumeric(value.type));
  if (numbers.length === 0) return NULL_VALUE;
  if (numbers.some(({ type }) => type === BsonType.decimal)) throw new UnsupportedError(168, '$avg of Decimal128');
  return doubleValue(toDouble(numericOf(sumOf(numbers))) / numbers.length);
}

/** @param sign 1 for the greatest, -1 for the least; null and missing do not take part */
export function extremeOf(values: readonly (Value | undefined)[], sign: number): Value {
  let found: Value | undefined;
  for (const value of values) {
    if (value === undefined || isNullish(value)) continue;
    if (found === undefined || compareValues(value, found) * sign > 0) found = value;
  }
  return found ?? NULL_VALUE;
}

export const ARITHMETIC_OPERATORS: ReadonlyMap<string, OperatorBuilder> = new Map([
  ['$add', folding('$add', 'add', 0)],
  ['$multiply', folding('$multiply', 'multiply', 1)],
  ['$subtract', subtract],
  ['$divide', divide],
  ['$sum', withArguments(0, Infinity, (values) => sumOf(listed(values)))],
  ['$avg', withArguments(0, Infinity, (values) => averageOf(listed(values)))],
  ['$min', withArguments(0, Infinity, (values) => extremeOf(listed(values), -1))],
  ['$max', withArguments(0, Infinity, (values) => extremeOf(listed(values), 1))],
]);
