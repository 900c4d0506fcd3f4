import { compareSameRank, equalValues } from '../bson/compare.ts';
import { isNaNumber, numericOf, truncateToLong } from '../bson/number.ts';
import { BsonType, isNumeric, Rank, rankOf } from '../bson/types.ts';
import { NULL_VALUE } from '../bson/write.ts';
import { binaryOf, elementsOf, isNullish, stringOf, type Value } from '../bson/value.ts';
import {
  looksAtWholeArrays,
  type BitsOperator,
  type ComparisonOperator,
  type Condition,
  type ElementTest,
  type Filter,
  type InPredicate,
  type Predicate,
  type RegexPredicate,
} from './filter.ts';
import { visitPath, type MatchDetails, type Path } from './paths.ts';

/**
 * @param document a document, or an array whose names are its positions
 * @param details told which array element made the match
 */
export function matches(filter: Filter, document: Value, details?: MatchDetails): boolean {
  switch (filter.kind) {
    case 'field':
      return conditionHolds(filter.condition, document, filter.path, details);
    case 'and':
      return filter.clauses.every((clause) => matches(clause, document, details));
    case 'or':
      return filter.clauses.some((clause) => matches(clause, document, details));
    case 'nor':
      return !filter.clauses.some((clause) => matches(clause, document));
    case 'expression':
      return filter.test(document);
  }
}

function conditionHolds(condition: Condition, document: Value, path: Path, details?: MatchDetails): boolean {
  switch (condition.kind) {
    case 'is': {
      const { predicate } = condition;
      const withElements = !looksAtWholeArrays(predicate);
      return visitPath(document, path, 0, withElements, (value) => holds(predicate, value, details), details);
    }
    case 'not':
      return !condition.conditions.every((inner) => conditionHolds(inner, document, path));
    case 'all':
      return condition.conditions.every((inner) => conditionHolds(inner, document, path, details));
    case 'never':
      return false;
  }
}

/** The condition on one value by itself, as inside of `$elemMatch` and `$pull`. */
export function conditionHoldsFor(condition: Condition, value: Value): boolean {
  switch (condition.kind) {
    case 'is':
      return holds(condition.predicate, value);
    case 'not':
      return !condition.conditions.every((inner) => conditionHoldsFor(inner, value));
    case 'all':
      return condition.conditions.every((inner) => conditionHoldsFor(inner, value));
    case 'never':
      return false;
  }
}

function holds(predicate: Predicate, value: Value | undefined, details?: MatchDetails): boolean {
  switch (predicate.kind) {
    case 'compare':
      return comparisonHolds(predicate.operator, predicate.value, value);
    case 'in':
      return isIn(predicate, value);
    case 'exists':
      return value !== undefined;
    case 'regex':
      return value !== undefined && regexHolds(predicate, value);
    case 'type':
      return value !== undefined && predicate.types.has(value.type);
    case 'mod':
      return value !== undefined && modHolds(predicate.divisor, predicate.remainder, value);
    case 'bits':
      return value !== undefined && bitsHold(predicate.operator, predicate.positions, value);
    case 'size':
      return value?.type === BsonType.array && lengthOf(value) === predicate.size;
    case 'elemMatch':
      return value?.type === BsonType.array && someElement(predicate.test, value, details);
  }
}

function comparisonHolds(operator: ComparisonOperator, wanted: Value, value: Value | undefined): boolean {
  const rank = rankOf(wanted.type);
  if (value === undefined || rankOf(value.type) !== rank) {
    if (rank === Rank.null) return isNullish(value) && operator !== '$gt' && operator !== '$lt';
    if (value === undefined) return false;
    // MinKey and MaxKey bound all types; every other operand keeps to its own.
    if (rank === Rank.minKey) return operator === '$gt' || operator === '$gte';
    if (rank === Rank.maxKey) return operator === '$lt' || operator === '$lte';
    return false;
  }
  if (rank === Rank.number) {
    const isNaNs = [isNaNumber(numericOf(wanted)), isNaNumber(numericOf(value))];
    if (isNaNs[0] === true || isNaNs[1] === true) {
      return isNaNs[0] === isNaNs[1] && operator !== '$gt' && operator !== '$lt';
    }
  }
  const order = compareSameRank(rank, value, wanted);
  switch (operator) {
    case '$eq':
      return order === 0;
    case '$gt':
      return order > 0;
    case '$gte':
      return order >= 0;
    case '$lt':
      return order < 0;
    case '$lte':
      return order <= 0;
  }
}

function isIn({ values, regexes, known }: InPredicate, value: Value | undefined): boolean {
  const isEqual =
    known === undefined
      ? values.some((wanted) => comparisonHolds('$eq', wanted, value))
      : known.has(value ?? NULL_VALUE);
  return isEqual || (value !== undefined && regexes.some((regex) => regexHolds(regex, value)));
}

function regexHolds(predicate: RegexPredicate, value: Value): boolean {
  if (value.type === BsonType.string) return predicate.regex.test(stringOf(value));
  return value.type === BsonType.regex && equalValues(predicate.value, value);
}

function modHolds(divisor: bigint, remainder: bigint, value: Value): boolean {
  if (!isNumeric(value.type)) return false;
  const whole = truncateToLong(numericOf(value));
  return whole !== undefined && whole % divisor === remainder;
}

function bitsHold(operator: BitsOperator, positions: readonly number[], value: Value): boolean {
  const isSet = bitReader(value);
  if (isSet === undefined) return false;
  switch (operator) {
    case '$bitsAllSet':
      return positions.every(isSet);
    case '$bitsAllClear':
      return !positions.some(isSet);
    case '$bitsAnySet':
      return positions.some(isSet);
    case '$bitsAnyClear':
      return !positions.every(isSet);
  }
}

/** Reads single bits of integers (sign extended) and of binary data; undefined for what has none. */
function bitReader(value: Value): ((position: number) => boolean) | undefined {
  if (value.type === BsonType.binary) {
    const { data } = binaryOf(value);
    return (position) => (((data[position >> 3] ?? 0) >> (position & 7)) & 1) === 1;
  }
  if (!isNumeric(value.type)) return undefined;
  const numeric = numericOf(value);
  if (typeof numeric === 'number' && !Number.isInteger(numeric)) return undefined;
  const whole = truncateToLong(numeric);
  if (whole === undefined) return undefined;
  return (position) => ((whole >> BigInt(Math.min(position, 63))) & 1n) === 1n;
}

function lengthOf(array: Value): number {
  const elements = elementsOf(array);
  let length = 0;
  while (elements.next()) length++;
  return length;
}

function someElement(test: ElementTest, array: Value, details?: MatchDetails): boolean {
  const elements = elementsOf(array);
  for (let index = 0; elements.next(); index++) {
    if (!elementMatches(test, elements.value())) continue;
    if (details !== undefined) details.position = index;
    return true;
  }
  return false;
}

/** `$elemMatch` on one element. */
export function elementMatches(test: ElementTest, element: Value): boolean {
  if (test.kind === 'value') return test.conditions.every((condition) => conditionHoldsFor(condition, element));
  const isNested = element.type === BsonType.object || element.type === BsonType.array;
  return isNested && matches(test.filter, element);
}
