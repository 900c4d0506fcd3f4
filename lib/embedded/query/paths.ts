import { BsonType } from '../bson/types.ts';
import { Elements, fieldOf, type Value } from '../bson/value.ts';

/** One name of a dotted path, ready to be compared with names in documents and with positions in arrays. */
export interface PathName {
  readonly text: string;
  readonly octets: Buffer;
  /** The position it may also mean in an array, -1 where it is not a number. */
  readonly position: number;
}

export type Path = readonly PathName[];

/** As a position in an array: digits without leading zeroes. */
export function positionOf(name: string): number {
  return /^(0|[1-9]\d{0,8})$/.test(name) ? Number(name) : -1;
}

function pathName(text: string): PathName {
  return { text, octets: Buffer.from(text), position: positionOf(text) };
}

export function parsePath(text: string): Path {
  return text.split('.').map(pathName);
}

/** What a visitor of values is told: the value, or undefined for a field that is not there. */
export type Visit = (value: Value | undefined) => boolean;

/** What a match tells besides yes: which element of the outermost array on the path made it. */
export interface MatchDetails {
  position?: number;
}

/**
 * Visits each value that a path means in a document, as MongoDB's matcher does: arrays in the middle of the path are
 * gone through (documents in them, and the element a numeric name points at), an array at its end is visited element
 * by element and then itself. Stops at the first visit that answers true.
 *
 * @param document entered by name even when it is an array, whose names are its positions
 * @param depth how many names of the path lie behind already
 * @param withElements false leaves out the elements of an array at the end of the path
 * @returns true where a visit did
 */
export function visitPath(
  document: Value,
  path: Path,
  depth: number,
  withElements: boolean,
  visit: Visit,
  details?: MatchDetails,
): boolean {
  let value: Value | undefined = document;
  let at = depth;
  do {
    value = fieldOf(value, (path[at] as PathName).octets);
    at += 1;
    if (at === path.length) return visitEnd(value, withElements, visit, details);
    if (value === undefined) return visit(undefined);
  } while (value.type === BsonType.object);
  if (value.type !== BsonType.array) return visit(undefined);
  return visitElements(value, path, at, withElements, visit, details);
}

function visitEnd(value: Value | undefined, withElements: boolean, visit: Visit, details?: MatchDetails): boolean {
  if (withElements && value?.type === BsonType.array) {
    const elements = new Elements(value.octets, value.start);
    for (let index = 0; elements.next(); index++) {
      if (visit(elements.value())) return noted(details, index);
    }
  }
  return visit(value);
}

function noted(details: MatchDetails | undefined, position: number): true {
  if (details !== undefined) details.position = position;
  return true;
}

/** An array in the middle of a path; `at` is the name behind it. */
function visitElements(
  array: Value,
  path: Path,
  at: number,
  withElements: boolean,
  visit: Visit,
  details?: MatchDetails,
): boolean {
  const { position } = path[at] as PathName;
  const elements = new Elements(array.octets, array.start);
  for (let index = 0; elements.next(); index++) {
    const isDocument = elements.type === BsonType.object;
    if (isDocument && visitPath(elements.value(), path, at, withElements, visit, details)) return noted(details, index);
    if (index !== position) continue;
    if (at + 1 === path.length) {
      if (visit(elements.value())) return noted(details, index);
    } else if (isDocument || elements.type === BsonType.array) {
      if (visitPath(elements.value(), path, at + 1, withElements, visit, details)) return noted(details, index);
    }
  }
  return false;
}
