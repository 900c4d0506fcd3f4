import { equalValues } from '../bson/compare.ts';
import { BsonType } from '../bson/types.ts';
import type { Value } from '../bson/value.ts';
import { conditionHoldsFor, matches } from '../query/match.ts';
import { isOperatorDocument, parseFilter, parseOperators } from '../query/parse.ts';
import { compileRegex } from '../query/regex.ts';
import { regexOf, stringOf } from '../bson/value.ts';

/** What `$pull` takes out: elements that equal a value, satisfy operators, or match as documents. */
export function parsePull(operand: Value): (element: Value) => boolean {
  if (operand.type === BsonType.regex) {
    const { pattern, flags } = regexOf(operand);
    const { test } = compileRegex(pattern, flags);
    return (element) => (element.type === BsonType.string ? test(stringOf(element)) : equalValues(element, operand));
  }
  if (operand.type !== BsonType.object) return (element) => equalValues(element, operand);
  if (isOperatorDocument(operand)) {
    const conditions = parseOperators(operand);
    return (element) => conditions.every((condition) => conditionHoldsFor(condition, element));
  }
  const filter = parseFilter(operand);
  return (element) => element.type === BsonType.object && matches(filter, element);
}
