import { EngineError } from '../errors/failure.ts';
import type { Collection, Index, IndexField } from '../catalog/collection.ts';
import { wholeRange } from '../catalog/keyspace.ts';
import { conditionHoldsFor } from '../query/match.ts';
import type { Condition, Filter } from '../query/filter.ts';
import { identicalValues } from '../bson/compare.ts';
import { LONGEST_BOUND, successor } from '../keys/encode.ts';
import type { KeyRange } from '../store/store.ts';
import { boundsOf, intersect, inverted, type Bounds, type BoundsByPath, type Interval } from './bounds.ts';
import type { SortOrder } from './sort-order.ts';

/** Beyond this many ranges for several fields, those of the fields read so far do. */
const MAX_RANGES = 200;

/** What to read for a query: ranges of an index, or of the documents themselves, which lie in the order of `_id`. */
export interface Plan {
  /** Undefined for the documents themselves. */
  readonly index: Index | undefined;
  readonly fields: readonly IndexField[];
  /** In key order, apart from each other. */
  readonly ranges: readonly KeyRange[];
  /** True where the ranges are read from the end. */
  readonly isDescending: boolean;
  /** True where documents come in the order that was asked for. */
  readonly isSorted: boolean;
  /** True where each range is the key of one document. */
  readonly arePoints: boolean;
  /** True where everything is read for want of bounds. */
  readonly isFullScan: boolean;
  /** The bounds of its leading fields, for whoever wants the plan explained. */
  readonly used: readonly Bounds[];
}

interface Candidate {
  readonly plan: Plan;
  readonly score: number;
}

/** An index, or the documents under `_id`, as the planner sees both. */
interface Access {
  readonly index: Index | undefined;
  readonly prefix: Buffer;
  readonly fields: readonly IndexField[];
  readonly isUnique: boolean;
  readonly isMultikey: boolean;
  readonly hasOrder: boolean;
}

/**
 * Chooses what to read. The filter is checked again for every document read, so ranges need only hold enough.
 * @throws EngineError 2 for a hint that names no index
 */
export function planQuery(collection: Collection, filter: Filter, sort: SortOrder, hint?: string): Plan {
  const bounds = boundsOf(filter);
  const accesses = [primaryAccess(collection), ...collection.indexes.map(indexAccess)].filter(
    (access) => isComplete(access.index, filter, bounds) && (hint === undefined || nameOf(access) === hint),
  );
  const isHintKnown = hint === undefined || hint === '_id_' || collection.indexes.some(({ name }) => name === hint);
  if (!isHintKnown) throw new EngineError(2, 'hint provided does not correspond to an existing index');
  let best: Candidate | undefined;
  for (const access of accesses) {
    const candidate = consider(access, bounds, sort);
    if (best === undefined || candidate.score > best.score) best = candidate;
  }
  return best?.plan ?? consider(primaryAccess(collection), bounds, sort).plan;
}

const nameOf = (access: Access): string => access.index?.name ?? '_id_';

function primaryAccess(collection: Collection): Access {
  return {
    index: undefined,
    prefix: collection.prefix,
    fields: [{ path: '_id', isDescending: false }],
    isUnique: true,
    isMultikey: false,
    hasOrder: !collection.hasCutIds,
  };
}

function indexAccess(index: Index): Access {
  const { prefix, fields, isUnique, isMultikey, hasCutKeys } = index;
  return { index, prefix, fields, isUnique, isMultikey, hasOrder: !isMultikey && !hasCutKeys };
}

/** True where every document that matches is sure to be in the index. */
function isComplete(index: Index | undefined, filter: Filter, bounds: BoundsByPath): boolean {
  if (index === undefined) return true;
  if (index.partial !== undefined && !implies(filter, index.partial.filter, bounds)) return false;
  if (!index.isSparse) return true;
  return index.fields.some(({ path }) => bounds.get(path)?.some(({ allowsMissing }) => !allowsMissing) === true);
}

/** True where each clause of the wanted filter follows from one of the given. Cautious: false where it is not plain. */
function implies(given: Filter, wanted: Filter, bounds: BoundsByPath): boolean {
  if (wanted.kind === 'and') return wanted.clauses.every((clause) => implies(given, clause, bounds));
  if (wanted.kind !== 'field') return false;
  return conditionFollows(given, wanted.name, wanted.condition, bounds);
}

function conditionFollows(given: Filter, path: string, wanted: Condition, bounds: BoundsByPath): boolean {
  if (wanted.kind === 'all') return wanted.conditions.every((inner) => conditionFollows(given, path, inner, bounds));
  if (wanted.kind !== 'is') return false;
  if (wanted.predicate.kind === 'exists') {
    return bounds.get(path)?.some(({ allowsMissing }) => !allowsMissing) === true;
  }
  return conditionsOn(given, path).some((condition) => {
    if (condition.kind !== 'is') return false;
    const { predicate } = condition;
    if (predicate.kind === 'in' && predicate.regexes.length === 0) {
      return predicate.values.length > 0 && predicate.values.every((value) => conditionHoldsFor(wanted, value));
    }
    if (predicate.kind !== 'compare') return false;
    if (predicate.operator === '$eq') return conditionHoldsFor(wanted, predicate.value);
    const same = wanted.predicate;
    return (
      same.kind === 'compare' && same.operator === predicate.operator && identicalValues(same.value, predicate.value)
    );
  });
}

/** The conditions that must hold on a path, flattened. */
function conditionsOn(filter: Filter, path: string): Condition[] {
  if (filter.kind === 'and') return filter.clauses.flatMap((clause) => conditionsOn(clause, path));
  if (filter.kind !== 'field' || filter.name !== path) return [];
  const flatten = (condition: Condition): Condition[] =>
    condition.kind === 'all' ? condition.conditions.flatMap(flatten) : [condition];
  return flatten(filter.condition);
}

function consider(access: Access, bounds: BoundsByPath, sort: SortOrder): Candidate {
  const used = usedBounds(access, bounds);
  const ranges = rangesOf(access, used);
  const pointCount = used.filter(({ arePoints }) => arePoints).length;
  const order = orderOf(access, used, sort);
  const isExact = access.isUnique && pointCount === access.fields.length;
  const hasRange = used.length > pointCount;
  let score = isExact ? 10_000 : pointCount * 100 + (hasRange ? 50 : 0);
  if (order !== undefined && sort.length > 0) score += 30;
  // Reading documents directly spares a look-up for each.
  if (access.index === undefined) score += 5;
  const plan: Plan = {
    index: access.index,
    fields: access.fields,
    ranges,
    isDescending: order === 'descending',
    isSorted: sort.length === 0 || order !== undefined,
    arePoints: access.index === undefined && pointCount === 1 && ranges.every((range) => isWhole(access, range)),
    isFullScan: used.length === 0,
    used,
  };
  return { plan, score };
}

const isWhole = (access: Access, range: KeyRange): boolean => range.from.length - access.prefix.length < LONGEST_BOUND;

/** Bounds of the leading fields: points as far as they go, then at most one range. */
function usedBounds(access: Access, bounds: BoundsByPath): Bounds[] {
  const used: Bounds[] = [];
  const roots = new Set<string>();
  let product = 1;
  for (const { path } of access.fields) {
    const given = bounds.get(path);
    if (given === undefined) break;
    const root = path.split('.', 1)[0] ?? path;
    // Two fields under one array may match in different elements, which no single key shows.
    if (access.isMultikey && roots.has(root)) break;
    roots.add(root);
    const chosen = access.isMultikey ? mostSelective(given) : given.reduce(intersect);
    product *= Math.max(1, chosen.intervals.length);
    // Of one field every value is worth a range: a query that names a thousand keys must not read the collection.
    if (used.length > 0 && product > MAX_RANGES) break;
    used.push(chosen);
    if (!chosen.arePoints) break;
  }
  return used;
}

/** Several conditions on an array may be met by different elements: only one of them bounds keys. */
function mostSelective(given: readonly Bounds[]): Bounds {
  return given.find(({ arePoints }) => arePoints) ?? (given[0] as Bounds);
}

function rangesOf(access: Access, used: readonly Bounds[]): KeyRange[] {
  let prefixes: Buffer[] = [access.prefix];
  for (const [at, bounds] of used.entries()) {
    const intervals = fieldIntervals(bounds, access.fields[at]?.isDescending === true);
    if (!bounds.arePoints) {
      const ranges = prefixes.flatMap((prefix) =>
        intervals.map(({ from, to }) => ({ from: Buffer.concat([prefix, from]), to: Buffer.concat([prefix, to]) })),
      );
      return withoutHashes(access, ranges);
    }
    prefixes = prefixes.flatMap((prefix) => intervals.map(({ from }) => Buffer.concat([prefix, from])));
  }
  const ranges = prefixes.map((prefix) =>
    prefix === access.prefix ? wholeRange(prefix) : { from: prefix, to: successor(prefix) },
  );
  return withoutHashes(access, ranges);
}

/**
 * Where keys are cut and completed by a hash, bounds must not look at what lies behind the cut; bounds that only
 * differed there become one.
 */
function withoutHashes(access: Access, ranges: readonly { from: Buffer; to: Buffer }[]): KeyRange[] {
  const longest = access.prefix.length + LONGEST_BOUND;
  if (ranges.every(({ from, to }) => from.length <= longest && to.length <= longest)) return [...ranges];
  const merged: { from: Buffer; to: Buffer }[] = [];
  for (const range of ranges) {
    const from = range.from.subarray(0, longest);
    const to = range.to.length > longest ? successor(range.to.subarray(0, longest)) : range.to;
    const last = merged.at(-1);
    if (last === undefined || last.to.compare(from) <= 0) merged.push({ from, to });
    else if (last.to.compare(to) < 0) last.to = to;
  }
  return merged;
}

function fieldIntervals(bounds: Bounds, isDescending: boolean): readonly Interval[] {
  if (!isDescending) return bounds.intervals;
  if (!bounds.arePoints) return bounds.intervals.map(inverted).reverse();
  return bounds.intervals
    .map(({ from }) => ({ from: Buffer.from(from.map((octet) => ~octet & 0xff)), to: from }))
    .reverse();
}

/** The direction to read in for the sort; undefined where the index does not give it. */
function orderOf(access: Access, used: readonly Bounds[], sort: SortOrder): 'ascending' | 'descending' | undefined {
  if (sort.length === 0) return 'ascending';
  if (!access.hasOrder) return undefined;
  const isFixed = (at: number): boolean => used[at]?.arePoints === true && used[at].intervals.length === 1;
  const fixedPaths = new Set(access.fields.filter((_, at) => isFixed(at)).map(({ path }) => path));
  let at = 0;
  let isReversed: boolean | undefined;
  for (const { path, isDescending } of sort) {
    if (fixedPaths.has(path)) continue;
    while (isFixed(at)) at += 1;
    const field = access.fields[at];
    if (field?.path !== path) {
      // Behind a unique key nothing is left to be ordered.
      return access.isUnique && access.index === undefined && at >= access.fields.length
        ? isReversed === true
          ? 'descending'
          : 'ascending'
        : undefined;
    }
    const isAgainst = field.isDescending !== isDescending;
    if (isReversed !== undefined && isReversed !== isAgainst) return undefined;
    isReversed = isAgainst;
    at += 1;
  }
  return isReversed === true ? 'descending' : 'ascending';
}
