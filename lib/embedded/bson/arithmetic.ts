import { addDecimals, multiplyDecimals } from './decimal.ts';
import { fitsInt, fitsLong, isDecimal, numericOf, toDecimal, toDouble, type Numeric } from './number.ts';
import { BsonType } from './types.ts';
import type { Value } from './value.ts';
import { decimalValue, doubleValue, intValue, longValue } from './write.ts';

type Operation = 'add' | 'multiply';

/**
 * A sum or product in the wider type of the two: int32 grows to int64, a double or a decimal takes over.
 * @returns undefined where int64 overflows, which some callers refuse and others answer as a double
 */
export function calculate(operation: Operation, a: Value, b: Value): Value | undefined {
  const left = numericOf(a);
  const right = numericOf(b);
  if (isDecimal(left) || isDecimal(right)) {
    const [x, y] = [toDecimal(left), toDecimal(right)];
    return decimalValue(operation === 'add' ? addDecimals(x, y) : multiplyDecimals(x, y));
  }
  if (a.type === BsonType.double || b.type === BsonType.double) {
    return doubleValue(inDoubles(operation, left, right));
  }
  const exact = inIntegers(operation, BigInt(left), BigInt(right));
  if (a.type === BsonType.int && b.type === BsonType.int && fitsInt(exact)) return intValue(Number(exact));
  return fitsLong(exact) ? longValue(exact) : undefined;
}

export function inDoubles(operation: Operation, left: Numeric, right: Numeric): number {
  const [x, y] = [toDouble(left), toDouble(right)];
  return operation === 'add' ? x + y : x * y;
}

function inIntegers(operation: Operation, left: bigint, right: bigint): bigint {
  return operation === 'add' ? left + right : left * right;
}
