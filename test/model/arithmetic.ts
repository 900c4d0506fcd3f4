import { Decimal128, Double, Int32, Long } from 'mongodb';
import { exactOf, ModelError, NotModelled, typeOf, type Value, textOf, numberOf } from './value.ts';

/** The sum or product of two numbers, in the wider type of the two; int32 grows to int64. @throws ModelError 2 past it */
export function calculate(operation: 'add' | 'multiply', a: Value, b: Value): Value {
  const types = [typeOf(a), typeOf(b)];
  if (types.includes('decimal')) {
    if (types.includes('double') || operation === 'multiply') throw new NotModelled('decimal');
    const [left, right] = [exactOf(a), exactOf(b)];
    if (typeof left === 'number' || typeof right === 'number') throw new NotModelled('decimal');
    const scale = left[1] > right[1] ? left[1] : right[1];
    const sum = left[0] * (scale / left[1]) + right[0] * (scale / right[1]);
    return Decimal128.fromString(`${String(sum)}E-${String(String(scale).length - 1)}`);
  }
  if (types.includes('double')) {
    const [x, y] = [numberOf(a), numberOf(b)];
    return new Double(operation === 'add' ? x + y : x * y);
  }
  const [x, y] = [BigInt(textOf(a)), BigInt(textOf(b))];
  const result = operation === 'add' ? x + y : x * y;
  if (BigInt.asIntN(64, result) !== result) throw new ModelError(2, 'int64 overflows');
  const isInt = !types.includes('long') && BigInt.asIntN(32, result) === result;
  return isInt ? new Int32(Number(result)) : Long.fromBigInt(result);
}
