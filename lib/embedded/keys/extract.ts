import { NULL_VALUE, UNDEFINED_VALUE } from '../bson/write.ts';
import { BsonType } from '../bson/types.ts';
import { EngineError } from '../errors/failure.ts';
import { fieldOf, isEmptyDocument, valuesOf, type Value } from '../bson/value.ts';

/** The names of a dotted path. */
export type PathNames = readonly Buffer[];

export interface ExtractedKeys {
  /** One row of values for each key of the document, as many values as the index has fields. */
  readonly rows: readonly (readonly Value[])[];
  /** True where an array made, or could have made, several rows of one document. */
  readonly isMultikey: boolean;
  /** Those of the rows in which every field is missing: a sparse index leaves them out. */
  readonly absent: ReadonlySet<readonly Value[]>;
}

/** How far one field's path has been followed. */
interface Walk {
  readonly names: PathNames;
  readonly depth: number;
  /** Undefined where the path leads nowhere. */
  readonly value: Value | undefined;
  /** An element of an array is indexed as it is, even when it is an array again. */
  readonly isElement: boolean;
}

/**
 * What an index over some paths holds for a document. Arrays give one row for each element; a missing field, and
 * anything but a document in the middle of a path, gives null; an empty array gives undefined.
 *
 * @throws EngineError 171 where two fields run through different arrays
 */
export function extractKeys(document: Value, paths: readonly PathNames[]): ExtractedKeys {
  const rows: Value[][] = [];
  const found = { isMultikey: false, absent: new Set<readonly Value[]>() };
  const start = paths.map((names): Walk => ({ names, depth: 0, value: document, isElement: false }));
  expand(start, rows, found);
  return { rows, isMultikey: found.isMultikey, absent: found.absent };
}

function follow(walk: Walk): Walk {
  let { value, depth } = walk;
  let isElement = walk.isElement;
  while (depth < walk.names.length && value?.type === BsonType.object) {
    value = fieldOf(value, walk.names[depth] as Buffer);
    depth += 1;
    isElement = false;
  }
  const isStuck = depth < walk.names.length && value?.type !== BsonType.array;
  return { names: walk.names, depth, value: isStuck ? undefined : value, isElement };
}

/** An array that still has to be expanded: at the path's end, or in its middle. */
function arrayAt(walk: Walk): Value | undefined {
  if (walk.value?.type !== BsonType.array) return undefined;
  return walk.isElement ? undefined : walk.value;
}

function expand(
  start: readonly Walk[],
  rows: Value[][],
  found: { isMultikey: boolean; readonly absent: Set<readonly Value[]> },
): void {
  const walks = start.map(follow);
  let array: Value | undefined;
  for (const walk of walks) {
    const here = arrayAt(walk);
    if (here === undefined) continue;
    if (array !== undefined && array.start !== here.start) {
      throw new EngineError(171, 'cannot index parallel arrays');
    }
    array = here;
  }
  if (array === undefined) {
    const row = walks.map(endOf);
    rows.push(row);
    if (walks.every((walk) => walk.value === undefined)) found.absent.add(row);
    return;
  }
  found.isMultikey = true;
  const isEmpty = isEmptyDocument(array);
  const elements = isEmpty ? [UNDEFINED_VALUE] : valuesOf(array);
  for (const element of elements) {
    const next = walks.map((walk) => (arrayAt(walk) === undefined ? walk : intoElement(walk, element)));
    expand(next, rows, found);
  }
}

function intoElement(walk: Walk, element: Value): Walk {
  const isAtEnd = walk.depth === walk.names.length;
  const value = isAtEnd || element.type === BsonType.object ? element : undefined;
  return { ...walk, value, isElement: true };
}

function endOf(walk: Walk): Value {
  if (walk.value === undefined || walk.depth < walk.names.length) return NULL_VALUE;
  return walk.value;
}
