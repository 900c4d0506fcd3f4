import { numericOf, toDouble } from '../bson/number.ts';
import { BsonType, isNumeric } from '../bson/types.ts';
import { boolOf, type Value } from '../bson/value.ts';

/** MongoDB's truth of a value: false, zero, null and missing are false; all else is true. */
export function isTruthy(value: Value | undefined): boolean {
  if (value === undefined) return false;
  if (value.type === BsonType.boolean) return boolOf(value);
  if (isNumeric(value.type)) return toDouble(numericOf(value)) !== 0;
  return value.type !== BsonType.null && value.type !== BsonType.undefined;
}
