import type { Value } from '../bson/value.ts';
import type { DistinctValues } from '../keys/distinct-values.ts';
import type { CompiledRegex } from './regex.ts';
import type { Path } from './paths.ts';

export type ComparisonOperator = '$eq' | '$gt' | '$gte' | '$lt' | '$lte';

/** A test of single values. */
export type Predicate =
  | { readonly kind: 'compare'; readonly operator: ComparisonOperator; readonly value: Value }
  | InPredicate
  | RegexPredicate
  | { readonly kind: 'exists' }
  | { readonly kind: 'type'; readonly types: ReadonlySet<number> }
  | { readonly kind: 'mod'; readonly divisor: bigint; readonly remainder: bigint }
  | { readonly kind: 'bits'; readonly operator: BitsOperator; readonly positions: readonly number[] }
  | { readonly kind: 'size'; readonly size: number }
  | { readonly kind: 'elemMatch'; readonly test: ElementTest };

export type BitsOperator = '$bitsAllSet' | '$bitsAllClear' | '$bitsAnySet' | '$bitsAnyClear';

export interface InPredicate {
  readonly kind: 'in';
  readonly values: readonly Value[];
  readonly regexes: readonly RegexPredicate[];
  /** The values where they are many, to be looked up. */
  readonly known: DistinctValues | undefined;
}

export interface RegexPredicate {
  readonly kind: 'regex';
  readonly regex: CompiledRegex;
  /** The same as a value: a stored regular expression equals it. */
  readonly value: Value;
}

/** A test of one element of an array: by its fields, or as the value that it is. */
export type ElementTest =
  | { readonly kind: 'document'; readonly filter: Filter }
  | { readonly kind: 'value'; readonly conditions: readonly Condition[] };

/** A predicate, or what must not hold. */
export type Condition =
  | { readonly kind: 'is'; readonly predicate: Predicate }
  | { readonly kind: 'not'; readonly conditions: readonly Condition[] }
  | { readonly kind: 'all'; readonly conditions: readonly Condition[] }
  | { readonly kind: 'never' };

/** A parsed filter: what `matches` evaluates and the planner reads. */
export type Filter =
  | { readonly kind: 'and' | 'or' | 'nor'; readonly clauses: readonly Filter[] }
  | { readonly kind: 'field'; readonly name: string; readonly path: Path; readonly condition: Condition }
  | { readonly kind: 'expression'; readonly test: (document: Value) => boolean };

/** True where the condition looks at arrays as wholes and not at their elements. */
export function looksAtWholeArrays(predicate: Predicate): boolean {
  return predicate.kind === 'size' || predicate.kind === 'elemMatch';
}
