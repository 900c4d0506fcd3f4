import { compareValues } from '../bson/compare.ts';
import { renderValue } from '../bson/render.ts';
import { rankOf, typeName, Rank } from '../bson/types.ts';
import type { Value } from '../bson/value.ts';
import type { Predicate } from '../query/filter.ts';
import type { Bounds } from './bounds.ts';

/** So many intervals are told; of more only the number. */
const MOST = 20;

interface End {
  readonly value: Value;
  readonly isIncluded: boolean;
}

/** Where the keys of one field are read, as people write intervals. */
export function renderBounds(bounds: Bounds | undefined): string[] {
  if (bounds === undefined) return ['[MinKey, MaxKey]'];
  const [first] = bounds.sources;
  const points = first === undefined ? undefined : pointsOf(first);
  if (points !== undefined) {
    const told = points.slice(0, MOST).map((value) => `[${renderValue(value)}, ${renderValue(value)}]`);
    return points.length > MOST ? [...told, `and ${points.length - MOST} more`] : told;
  }
  if (first?.kind === 'regex') {
    const { prefix } = first.regex;
    return [`["${prefix}", "${prefix}…")`, `[${renderValue(first.value)}, ${renderValue(first.value)}]`];
  }
  return [renderRange(bounds.sources)];
}

/** The values of a predicate that names each. */
function pointsOf(predicate: Predicate): readonly Value[] | undefined {
  if (predicate.kind === 'in') return predicate.values;
  if (predicate.kind !== 'compare') return undefined;
  const { operator, value } = predicate;
  // Nothing but null is neither less nor more than null.
  return operator === '$eq' || rankOf(value.type) === Rank.null ? [value] : undefined;
}

function renderRange(sources: readonly Predicate[]): string {
  let lower: End | undefined;
  let upper: End | undefined;
  for (const source of sources) {
    if (source.kind !== 'compare') continue;
    const end = { value: source.value, isIncluded: source.operator.endsWith('e') };
    if (source.operator.startsWith('$gt')) lower = tighter(lower, end, 1);
    else upper = tighter(upper, end, -1);
  }
  const type = typeName((lower ?? upper)?.value.type ?? 0);
  const left = lower === undefined ? `[first ${type}` : `${lower.isIncluded ? '[' : '('}${renderValue(lower.value)}`;
  const right = upper === undefined ? `last ${type}]` : `${renderValue(upper.value)}${upper.isIncluded ? ']' : ')'}`;
  return `${left}, ${right}`;
}

function tighter(one: End | undefined, other: End, sign: number): End {
  if (one === undefined) return other;
  const by = compareValues(one.value, other.value) * sign;
  return by > 0 || (by === 0 && !one.isIncluded) ? one : other;
}
