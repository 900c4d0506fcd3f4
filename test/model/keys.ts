import { compare, equal, field, isArray, isDoc, ModelError, type Doc, type Value, numberOf } from './value.ts';

/** What an index holds for a field: undefined where the field is missing; `EMPTY` for an empty array. */
export type KeyPart = Value | undefined | typeof EMPTY;
export const EMPTY: unique symbol = Symbol('empty array');

/** An empty array stands before null, and missing is null. */
function compareParts(a: KeyPart, b: KeyPart): number {
  if (a !== EMPTY && b !== EMPTY) return compare(a, b);
  if (a === b) return 0;
  const [other, sign] = a === EMPTY ? [b, -1] : [a, 1];
  const isMinKey = compare(other as Value | undefined, null) < 0;
  return isMinKey ? -sign : sign;
}

/**
 * The rows that an index of these paths holds for a document: one for each element of the array on them, if any.
 * @throws ModelError 171 where two paths go through different arrays
 */
export function rowsOf(document: Doc, paths: readonly (readonly string[])[]): KeyPart[][] {
  return rows(
    document,
    paths.map((names) => ({ names, value: undefined, isDone: false })),
  );
}

interface Column {
  readonly names: readonly string[];
  readonly value: KeyPart;
  readonly isDone: boolean;
}

function rows(document: Doc, columns: readonly Column[]): KeyPart[][] {
  // Each column goes on until it is done or stands before an array.
  const walked = columns.map((column) => walk(document, column));
  const arrays = walked.filter(({ array }) => array !== undefined);
  const [first] = arrays;
  if (first?.array === undefined) return [walked.map(({ value }) => value)];
  const { array, prefix } = first;
  if (arrays.some((one) => one.prefix !== prefix)) throw new ModelError(171, 'parallel arrays');
  const elements: readonly KeyPart[] = array.length === 0 ? [EMPTY] : array;
  return elements.flatMap((element) =>
    rows(
      element !== EMPTY && isDoc(element) ? element : {},
      walked.map((one): Column => {
        if (one.array === undefined) return { names: [], value: one.value, isDone: true };
        if (one.rest.length === 0) return { names: [], value: element, isDone: true };
        return { names: one.rest, value: undefined, isDone: false };
      }),
    ),
  );
}

interface Walked {
  readonly value: KeyPart;
  readonly array: readonly Value[] | undefined;
  readonly prefix: string;
  readonly rest: readonly string[];
}

function walk(document: Doc, { names, value: done, isDone }: Column): Walked {
  if (isDone) return { value: done, array: undefined, prefix: '', rest: [] };
  let value: Value | undefined = document;
  for (const [at, name] of names.entries()) {
    value = isDoc(value) ? field(value, name) : undefined;
    if (isArray(value))
      return { value, array: value, prefix: names.slice(0, at + 1).join('.'), rest: names.slice(at + 1) };
  }
  return { value, array: undefined, prefix: '', rest: [] };
}

type Direction = 1 | -1;
export type Order = readonly (readonly [path: string, direction: Direction])[];

export const orderOf = (sort: Doc): Order =>
  Object.entries(sort).map(([path, direction]) => [path, numberOf(direction) < 0 ? -1 : 1]);

function compareRows(order: Order, a: readonly KeyPart[], b: readonly KeyPart[]): number {
  for (const [at, [, direction]] of order.entries()) {
    const by = compareParts(a[at], b[at]) * direction;
    if (by !== 0) return by;
  }
  return 0;
}

/** The row that a document sorts by: the first of its rows in the order asked for. */
function sortRow(order: Order, document: Doc): readonly KeyPart[] {
  let all: KeyPart[][];
  try {
    all = rowsOf(
      document,
      order.map(([path]) => path.split('.')),
    );
  } catch (error) {
    if (error instanceof ModelError) throw new ModelError(2, 'cannot sort with keys that are parallel arrays');
    throw error;
  }
  return all.reduce((least, row) => (compareRows(order, row, least) < 0 ? row : least));
}

/** How two documents stand in an order; zero for a tie. */
export const compareBy = (order: Order, a: Doc, b: Doc): number =>
  compareRows(order, sortRow(order, a), sortRow(order, b));

export function sortBy<T extends Doc>(order: Order, documents: readonly T[]): T[] {
  if (order.length === 0) return [...documents];
  const keyed = documents.map((document) => ({ document, row: sortRow(order, document) }));
  return keyed.sort((a, b) => compareRows(order, a.row, b.row)).map(({ document }) => document);
}

export const sameRow = (a: readonly KeyPart[], b: readonly KeyPart[]): boolean =>
  a.every((part, at) => {
    const other = b[at];
    return part === EMPTY || other === EMPTY ? part === other : equal(part, other);
  });

/** Each value that a path means, arrays at its end taken apart. */
export function valuesAt(value: Value | undefined, names: readonly string[]): Value[] {
  const [name, ...rest] = names;
  if (value === undefined) return [];
  if (name === undefined) return isArray(value) ? [...value] : [value];
  if (isArray(value)) return value.flatMap((element) => (isDoc(element) ? valuesAt(element, names) : []));
  return isDoc(value) ? valuesAt(field(value, name), rest) : [];
}
