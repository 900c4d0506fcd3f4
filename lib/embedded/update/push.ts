import { compareValues } from '../bson/compare.ts';
import { numericOf, toDouble } from '../bson/number.ts';
import { BsonType, isNumeric } from '../bson/types.ts';
import { entriesOf, fieldNamed, valuesOf, type Value } from '../bson/value.ts';
import { arrayValue } from '../bson/write.ts';
import { EngineError } from '../errors/failure.ts';
import { compareSortKeys, elementKeyOf } from '../plan/sort-key.ts';
import { parseSort } from '../plan/sort-order.ts';

export interface PushModifiers {
  readonly each: readonly Value[];
  readonly position: number | undefined;
  readonly slice: number | undefined;
  readonly order: ((a: Value, b: Value) => number) | undefined;
}

function bad(message: string): never {
  throw new EngineError(2, message);
}

/** `{ $each, $position, $slice, $sort }`, or the one value to push. */
export function parsePushModifiers(operand: Value): PushModifiers {
  const each = operand.type === BsonType.object ? fieldNamed(operand, '$each') : undefined;
  if (each === undefined) return { each: [operand], position: undefined, slice: undefined, order: undefined };
  if (each.type !== BsonType.array) bad('The argument to $each in $push must be an array');
  let position: number | undefined;
  let slice: number | undefined;
  let order: PushModifiers['order'];
  for (const [name, value] of entriesOf(operand)) {
    if (name === '$each') continue;
    if (name === '$position') position = integer(name, value);
    else if (name === '$slice') slice = integer(name, value);
    else if (name === '$sort') order = parseOrder(value);
    else bad(`Unrecognized clause in $push: ${name}`);
  }
  return { each: valuesOf(each), position, slice, order };
}

function integer(name: string, value: Value): number {
  const number = isNumeric(value.type) ? toDouble(numericOf(value)) : NaN;
  if (!Number.isInteger(number)) bad(`The value for ${name} must be an integer value`);
  return number;
}

function parseOrder(value: Value): (a: Value, b: Value) => number {
  if (value.type === BsonType.object) {
    const sort = parseSort(value);
    if (sort.length === 0) bad('The $sort pattern is empty');
    return (a, b) => compareSortKeys(sort, elementKeyOf(sort, a), elementKeyOf(sort, b));
  }
  const direction = isNumeric(value.type) ? toDouble(numericOf(value)) : NaN;
  if (direction !== 1 && direction !== -1) bad('The $sort element value must be either 1 or -1');
  return (a, b) => compareValues(a, b) * direction;
}

export function push(current: readonly Value[], { each, position, slice, order }: PushModifiers): Value {
  const at = position ?? current.length;
  let values = [...current.slice(0, at), ...each, ...current.slice(at)];
  if (at < 0 && -at > current.length) values = [...each, ...current];
  if (order !== undefined) values.sort(order);
  if (slice !== undefined) values = slice >= 0 ? values.slice(0, slice) : values.slice(slice);
  return arrayValue(values);
}
