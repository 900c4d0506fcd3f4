import { UnsupportedError } from '../errors/failure.ts';
import type { Value } from '../bson/value.ts';

/** An expression, ready to be evaluated; undefined is a missing value. */
export type Expression = (document: Value) => Value | undefined;

export function parseExpression(_value: Value, _unknownCode = 168): Expression {
  throw new UnsupportedError(168, '$expr');
}
