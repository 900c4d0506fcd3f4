import { EngineError, UnsupportedError } from '../errors/failure.ts';
import { numericOf, toDouble } from '../bson/number.ts';
import { BsonType, isNumeric } from '../bson/types.ts';
import { entriesOf, type Value } from '../bson/value.ts';
import type { PathNames } from '../keys/extract.ts';

/** One field of a sort. */
export interface SortField {
  readonly path: string;
  readonly names: PathNames;
  readonly isDescending: boolean;
}

export type SortOrder = readonly SortField[];

/** @throws EngineError for what is no sort */
export function parseSort(document: Value | undefined): SortOrder {
  if (document === undefined) return [];
  if (document.type !== BsonType.object) throw new EngineError(14, 'sort must be an object');
  const fields = entriesOf(document).map(([path, value]) => {
    if (value.type === BsonType.object) throw new UnsupportedError(2, 'A sort by $meta or an expression');
    const direction = isNumeric(value.type) ? toDouble(numericOf(value)) : NaN;
    if (direction !== 1 && direction !== -1) {
      throw new EngineError(15975, '$sort key ordering must be 1 (for ascending) or -1 (for descending)');
    }
    if (path === '' || path.startsWith('$')) throw new EngineError(2, `invalid sort path '${path}'`);
    // A number may name a field or a position in an array.
    if (path.split('.').some((name) => /^\d+$/.test(name))) throw new UnsupportedError(2, `A sort by '${path}'`);
    return { path, names: path.split('.').map((name) => Buffer.from(name)), isDescending: direction < 0 };
  });
  if (fields.length > 32) throw new EngineError(13103, 'too many compound keys');
  return fields;
}
