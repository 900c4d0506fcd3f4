import { numericOf, toDouble } from '../bson/number.ts';
import { BsonType, isNumeric } from '../bson/types.ts';
import { valuesOf, type Value } from '../bson/value.ts';
import { arrayValue } from '../bson/write.ts';
import { EngineError } from '../errors/failure.ts';
import { elementMatches } from '../query/match.ts';
import { parseElementTest } from '../query/parse.ts';

/** `$slice` and `$elemMatch` as a find's projection knows them. */
export interface ArrayOperator {
  readonly kind: 'slice' | 'elemMatch';
  /** The field's value after it, undefined where the field goes. */
  readonly apply: (value: Value) => Value | undefined;
}

export function parseArrayOperator(name: string, operand: Value): ArrayOperator | undefined {
  if (name === '$elemMatch') {
    const test = parseElementTest(operand, 0);
    const apply = (value: Value): Value | undefined => {
      if (value.type !== BsonType.array) return undefined;
      const found = valuesOf(value).find((element) => elementMatches(test, element));
      return found === undefined ? undefined : arrayValue([found]);
    };
    return { kind: 'elemMatch', apply };
  }
  if (name !== '$slice') return undefined;
  const [first, second] = operand.type === BsonType.array ? valuesOf(operand).map(whole) : [whole(operand)];
  if (first === undefined) throw new EngineError(28724, '$slice takes a number or two');
  if (second !== undefined && second <= 0) throw new EngineError(28724, '$slice limit must be positive');
  const apply = (value: Value): Value => {
    if (value.type !== BsonType.array) return value;
    const values = valuesOf(value);
    if (second === undefined) return arrayValue(first >= 0 ? values.slice(0, first) : values.slice(first));
    const from = first >= 0 ? first : Math.max(0, values.length + first);
    return arrayValue(values.slice(from, from + second));
  };
  return { kind: 'slice', apply };
}

function whole(value: Value): number {
  const number = isNumeric(value.type) ? toDouble(numericOf(value)) : NaN;
  if (Number.isNaN(number)) throw new EngineError(28724, '$slice takes numbers');
  return Math.trunc(number);
}
