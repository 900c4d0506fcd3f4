import { encodeBound, LONGEST_BOUND, successor } from '../keys/encode.ts';
import { UnsupportedError } from '../errors/failure.ts';
import { isNaNumber, numericOf } from '../bson/number.ts';
import { BsonType, Rank, rankOf } from '../bson/types.ts';
import type { Value } from '../bson/value.ts';
import { NULL_VALUE } from '../bson/write.ts';
import type { Condition, Filter, Predicate } from '../query/filter.ts';

/** Keys of one value, ascending, `from` included, `to` not. */
export interface Interval {
  readonly from: Buffer;
  readonly to: Buffer;
}

/** Where the keys of a field lie in documents that match: never less than all of them, perhaps more. */
export interface Bounds {
  /** In ascending order, apart from each other. */
  readonly intervals: readonly Interval[];
  /** True where each interval is one value. */
  readonly arePoints: boolean;
  /** True where a document without the field may match. */
  readonly allowsMissing: boolean;
  /** What they come from, for whoever wants them explained. */
  readonly sources: readonly Predicate[];
}

type Found = Omit<Bounds, 'sources'>;

export type BoundsByPath = ReadonlyMap<string, readonly Bounds[]>;

/** Beyond this many values of one field, the range that they lie in does. */
const MAX_POINTS = 5000;

const NULL_POINT = Buffer.from([Rank.null]);

/** What the clauses that must all hold say about each path. */
export function boundsOf(filter: Filter): BoundsByPath {
  const found = new Map<string, Bounds[]>();
  collect(filter, found);
  return found;
}

function collect(filter: Filter, found: Map<string, Bounds[]>): void {
  if (filter.kind === 'and') for (const clause of filter.clauses) collect(clause, found);
  if (filter.kind === 'field') collectCondition(filter.name, filter.condition, found);
}

function collectCondition(path: string, condition: Condition, found: Map<string, Bounds[]>): void {
  if (condition.kind === 'all') for (const inner of condition.conditions) collectCondition(path, inner, found);
  if (condition.kind !== 'is') return;
  const bounds = boundsOfPredicate(condition.predicate);
  if (bounds === undefined) return;
  const told = { ...bounds, sources: [condition.predicate] };
  const list = found.get(path);
  if (list === undefined) found.set(path, [told]);
  else list.push(told);
}

function boundsOfPredicate(predicate: Predicate): Found | undefined {
  switch (predicate.kind) {
    case 'compare':
      return isUsable(predicate.value) ? comparisonBounds(predicate.operator, predicate.value) : undefined;
    case 'in':
      if (predicate.regexes.length > 0 || !predicate.values.every(isUsable)) return undefined;
      return points(predicate.values);
    case 'regex': {
      if (predicate.regex.prefix === '') return undefined;
      const from = Buffer.concat([Buffer.from([Rank.string]), Buffer.from(predicate.regex.prefix)]);
      // A stored regular expression may equal the one that is asked for; those sort behind all strings.
      const itself = points([predicate.value]);
      if (itself === undefined || predicate.regex.prefix.includes('\0')) return undefined;
      const intervals = [{ from, to: successor(from) }, ...itself.intervals];
      return { intervals, arePoints: false, allowsMissing: false };
    }
    default:
      return undefined;
  }
}

/** Arrays match by element and as a whole, MinKey and MaxKey across types, NaN by rules of its own: no bounds for those. */
function isUsable(value: Value): boolean {
  const rank = rankOf(value.type);
  if (rank === Rank.array || rank === Rank.minKey || rank === Rank.maxKey || rank === Rank.undefined) return false;
  return rank !== Rank.number || !isNaNumber(numericOf(value));
}

function points(values: readonly Value[]): Found | undefined {
  const sorted = new Map<string, Interval>();
  let allowsMissing = false;
  for (const value of values) {
    const from = bound(value.type === BsonType.undefined ? NULL_VALUE : value);
    if (from === undefined) return undefined;
    if (from.equals(NULL_POINT)) allowsMissing = true;
    sorted.set(from.toString('latin1'), { from, to: successor(from) });
  }
  const intervals = [...sorted.values()].sort((a, b) => a.from.compare(b.from));
  const [first, last] = [intervals[0], intervals.at(-1)];
  if (intervals.length <= MAX_POINTS || first === undefined || last === undefined) {
    return { intervals, arePoints: true, allowsMissing };
  }
  // More places than are worth being looked up one by one: all that lies between the first and the last.
  return { intervals: [{ from: first.from, to: last.to }], arePoints: false, allowsMissing };
}

/** A value's key; undefined for the rare value that has none. */
function bound(value: Value): Buffer | undefined {
  try {
    return encodeBound([value]);
  } catch (error) {
    if (error instanceof UnsupportedError) return undefined;
    throw error;
  }
}

function comparisonBounds(operator: string, value: Value): Found | undefined {
  const rank = rankOf(value.type);
  if (operator === '$eq') return points([value]);
  // Of null only null is neither less nor more: `$gte` and `$lte` find it and what is missing.
  if (rank === Rank.null) return operator === '$gte' || operator === '$lte' ? points([value]) : undefined;
  const at = bound(value);
  if (at === undefined) return undefined;
  let from: Buffer = Buffer.from([rank]);
  let to: Buffer = Buffer.from([rank + 1]);
  // All keys of the value itself begin with its bound, unless that was cut and other values' keys do too.
  const isExact = at.length < LONGEST_BOUND;
  if (operator === '$gte' || (operator === '$gt' && !isExact)) from = at;
  else if (operator === '$gt') from = successor(at);
  else to = operator === '$lt' && isExact ? at : successor(at);
  return { intervals: [{ from, to }], arePoints: false, allowsMissing: false };
}

/** Bounds that satisfy both, for fields that hold one value in each document. */
export function intersect(a: Bounds, b: Bounds): Bounds {
  if (a.arePoints) return a;
  if (b.arePoints) return b;
  const [left, right] = [a.intervals[0], b.intervals[0]];
  if (a.intervals.length !== 1 || b.intervals.length !== 1 || left === undefined || right === undefined) return a;
  const from = left.from.compare(right.from) >= 0 ? left.from : right.from;
  const to = left.to.compare(right.to) <= 0 ? left.to : right.to;
  const intervals = from.compare(to) < 0 ? [{ from, to }] : [];
  return { intervals, arePoints: false, allowsMissing: false, sources: [...a.sources, ...b.sources] };
}

/** The interval as it lies in a descending field, whose keys are inverted. */
export function inverted(interval: Interval): Interval {
  const flip = (octets: Buffer): Buffer => Buffer.from(octets.map((octet) => ~octet & 0xff));
  return { from: flip(interval.to), to: successor(flip(interval.from)) };
}
