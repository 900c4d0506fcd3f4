import { compareValues } from '../bson/compare.ts';
import { BsonType } from '../bson/types.ts';
import { fieldOf, type Value } from '../bson/value.ts';
import { NULL_VALUE } from '../bson/write.ts';
import { EngineError } from '../errors/failure.ts';
import { extractKeys } from '../keys/extract.ts';
import type { SortOrder } from './sort-order.ts';

/** One value for each field of a sort. */
export type SortKey = readonly Value[];

/**
 * What a document sorts by: of the rows that an index over all of the paths would hold, the one that comes first.
 * @throws EngineError 2 where two paths run through different arrays
 */
export function sortKeyOf(order: SortOrder, document: Value): SortKey {
  return plainKeyOf(order, document) ?? firstRow(order, document);
}

/** The key of a document with a plain value at each path of one name; undefined for any other. */
function plainKeyOf(order: SortOrder, document: Value): SortKey | undefined {
  const key: Value[] = [];
  for (const { names } of order) {
    const [first] = names;
    if (first === undefined || names.length > 1) return undefined;
    const value = fieldOf(document, first);
    if (value?.type === BsonType.array) return undefined;
    key.push(value ?? NULL_VALUE);
  }
  return key;
}

function firstRow(order: SortOrder, document: Value): SortKey {
  const paths = order.map(({ names }) => names);
  let rows: readonly SortKey[];
  try {
    ({ rows } = extractKeys(document, paths));
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw new EngineError(2, 'cannot sort with keys that are parallel arrays');
  }
  return rows.reduce((first, row) => (compareSortKeys(order, row, first) < 0 ? row : first));
}

/**
 * What an element of an array sorts by in `$push`: the values at the paths, arrays as they are. Anything but a
 * document sorts as if it had no fields.
 */
export function elementKeyOf(order: SortOrder, element: Value): SortKey {
  return order.map(({ names }) => {
    let value: Value | undefined = element;
    for (const name of names) value = value?.type === BsonType.object ? fieldOf(value, name) : undefined;
    return value ?? NULL_VALUE;
  });
}

export function compareSortKeys(order: SortOrder, a: SortKey, b: SortKey): number {
  for (const [at, { isDescending }] of order.entries()) {
    const by = compareValues(a[at] ?? NULL_VALUE, b[at] ?? NULL_VALUE);
    if (by !== 0) return isDescending ? -by : by;
  }
  return 0;
}
