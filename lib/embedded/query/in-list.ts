import type { Value } from '../bson/value.ts';
import { DistinctValues } from '../keys/distinct-values.ts';
import type { InPredicate, RegexPredicate } from './filter.ts';

/** From this many values on they are looked up instead of compared one by one. */
const MANY_VALUES = 16;

/** The test of being equal to one of many values, or matching one of some expressions. */
export function inPredicate(values: readonly Value[], regexes: readonly RegexPredicate[] = []): InPredicate {
  if (values.length < MANY_VALUES) return { kind: 'in', values, regexes, known: undefined };
  const known = new DistinctValues();
  for (const value of values) known.add(value);
  return { kind: 'in', values: known.values, regexes, known };
}
