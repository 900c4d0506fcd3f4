import { compareValues } from '../bson/compare.ts';
import { BsonType } from '../bson/types.ts';
import { fieldOf, type Value } from '../bson/value.ts';
import { NULL_VALUE } from '../bson/write.ts';
import { extractKeys, type PathNames } from '../keys/extract.ts';
import type { SortOrder } from './sort-order.ts';

/** One value for each field of a sort. */
export type SortKey = readonly Value[];

/**
 * What a document sorts by: of the values that an index would hold for each path, the least, or the greatest where
 * the order is descending. Anything but a document sorts as if it had no fields.
 */
export function sortKeyOf(order: SortOrder, document: Value): SortKey {
  return order.map(({ names, isDescending }) => sortValue(document, names, isDescending));
}

function sortValue(document: Value, names: PathNames, isDescending: boolean): Value {
  if (document.type !== BsonType.object) return NULL_VALUE;
  const [first] = names;
  if (names.length === 1 && first !== undefined) {
    const value = fieldOf(document, first);
    if (value?.type !== BsonType.array) return value ?? NULL_VALUE;
  }
  let chosen: Value | undefined;
  for (const [value] of extractKeys(document, [names]).rows) {
    if (value === undefined) continue;
    if (chosen === undefined || compareValues(value, chosen) < 0 !== isDescending) chosen = value;
  }
  return chosen ?? NULL_VALUE;
}

export function compareSortKeys(order: SortOrder, a: SortKey, b: SortKey): number {
  for (const [at, { isDescending }] of order.entries()) {
    const by = compareValues(a[at] ?? NULL_VALUE, b[at] ?? NULL_VALUE);
    if (by !== 0) return isDescending ? -by : by;
  }
  return 0;
}
