import { BsonType } from '../bson/types.ts';
import { documentValue, elementsOf, entriesOf, stringOf, valuesOf, type Value } from '../bson/value.ts';
import { objectValue } from '../bson/write.ts';
import { EngineError, UnsupportedError } from '../errors/failure.ts';
import { positionOf } from '../query/paths.ts';
import type { Condition, Filter } from '../query/filter.ts';
import { parseFilter } from '../query/parse.ts';
import { UPDATE_OPERATORS, type Change, type Moment } from './operators.ts';

/** One path that an update changes, and how. */
export interface Operation {
  readonly operator: string;
  readonly path: readonly string[];
  readonly change: Change;
}

/** `$rename`: the value moves from one path to another. */
export interface Renaming {
  readonly from: readonly string[];
  /** Where the value goes; among the operations it stands as this path does. */
  readonly path: readonly string[];
}

/** Conditions on elements of arrays, by the identifier that paths name them with. */
export type ArrayFilters = ReadonlyMap<string, Filter>;

export interface OperatorUpdate {
  readonly kind: 'operators';
  readonly operations: readonly (Operation | Renaming)[];
  readonly arrayFilters: ArrayFilters;
  /** True where a path has the positional `$`, and so needs the query's match. */
  readonly isPositional: boolean;
}

/** True for a document of operators, false for one that replaces; a mixture is refused when it is parsed. */
export function isOperatorUpdate(update: Value): boolean {
  const elements = elementsOf(update);
  return elements.next() && elements.octets[elements.nameStart] === 0x24;
}

/** @throws EngineError as MongoDB refuses it */
export function parseOperatorUpdate(update: Value, arrayFilters: Value | undefined, moment: Moment): OperatorUpdate {
  const operations: Operation[] = [];
  const renamings: Renaming[] = [];
  for (const [operator, operands] of entriesOf(update)) {
    if (operator !== '$rename' && !UPDATE_OPERATORS.has(operator)) {
      throw new UnsupportedError(9, `Unknown modifier: ${operator}; it`);
    }
    if (operands.type !== BsonType.object) {
      throw new EngineError(9, `Modifiers operate on fields but ${operator} is given something else than an object`);
    }
    for (const [path, operand] of entriesOf(operands)) {
      if (operator === '$rename') renamings.push(parseRenaming(path, operand));
      else operations.push(parseOperation(operator, path, operand, moment));
    }
  }
  const filters = parseArrayFilters(arrayFilters);
  checkConflicts([...operations.map(({ path }) => path), ...renamings.flatMap(({ from, path }) => [from, path])]);
  checkIdentifiers(operations, filters);
  return {
    kind: 'operators',
    operations: [...operations, ...renamings].sort((a, b) => comparePaths(a.path, b.path)),
    arrayFilters: filters,
    isPositional: operations.some(({ path }) => path.includes('$')),
  };
}

function parseOperation(operator: string, text: string, operand: Value, moment: Moment): Operation {
  const parse = UPDATE_OPERATORS.get(operator);
  if (parse === undefined) throw new UnsupportedError(9, operator);
  return { operator, path: checkedPath(text), change: parse(operand, text, moment) };
}

function checkedPath(text: string): string[] {
  if (text === '') throw new EngineError(56, 'An empty update path is not valid.');
  const path = text.split('.');
  if (path.includes('')) throw new EngineError(2, `The update path '${text}' contains an empty field name.`);
  const [first] = path;
  if (first?.startsWith('$') === true) {
    const isPositional = first === '$' || first.startsWith('$[');
    throw new EngineError(
      2,
      isPositional
        ? `Cannot have an array operator first in '${text}'`
        : `The dollar ($) prefixed field '${first}' is not valid for storage.`,
    );
  }
  return path;
}

function parseRenaming(from: string, operand: Value): Renaming {
  if (operand.type !== BsonType.string)
    throw new EngineError(2, `The 'to' field for $rename must be a string: ${from}`);
  const renaming = { from: checkedPath(from), path: checkedPath(stringOf(operand)) };
  const isWild = [...renaming.from, ...renaming.path].some((name) => name === '$' || name.startsWith('$['));
  if (isWild) throw new EngineError(2, `The source and destination of $rename may not be dynamic: ${from}`);
  return renaming;
}

/** Paths must not touch each other: equal, or one the beginning of another. */
function checkConflicts(paths: readonly (readonly string[])[]): void {
  const whole = new Set<string>();
  const beginnings = new Set<string>();
  for (const path of paths) {
    const text = path.join('.');
    const isConflict =
      whole.has(text) || beginnings.has(text) || path.some((_, at) => whole.has(path.slice(0, at).join('.')));
    if (isConflict) throw new EngineError(40, `Updating the path '${text}' would create a conflict at '${text}'`);
    whole.add(text);
    path.forEach((_, at) => beginnings.add(path.slice(0, at).join('.')));
  }
}

/** MongoDB changes fields in the order of their names, positions in numeric order; so new fields get theirs. */
function comparePaths(a: readonly string[], b: readonly string[]): number {
  for (let at = 0; at < a.length && at < b.length; at++) {
    const [x, y] = [a[at] ?? '', b[at] ?? ''];
    if (x === y) continue;
    const [m, n] = [positionOf(x), positionOf(y)];
    if (m >= 0 && n >= 0) return m - n;
    return Buffer.compare(Buffer.from(x), Buffer.from(y));
  }
  return a.length - b.length;
}

function parseArrayFilters(value: Value | undefined): ArrayFilters {
  const filters = new Map<string, Filter>();
  if (value === undefined) return filters;
  if (value.type !== BsonType.array) throw new EngineError(14, 'arrayFilters must be an array');
  for (const element of valuesOf(value)) {
    const filter = parseFilter(element);
    const identifiers = new Set(identifiersOf(filter));
    const [identifier] = identifiers;
    if (identifier === undefined || identifiers.size > 1 || !/^[a-z][a-zA-Z0-9]*$/.test(identifier)) {
      throw new EngineError(9, 'each array filter names exactly one identifier, which begins with a lower-case letter');
    }
    if (filters.has(identifier)) throw new EngineError(9, `two array filters are named ${identifier}`);
    filters.set(identifier, filter);
  }
  return filters;
}

function identifiersOf(filter: Filter): string[] {
  if (filter.kind === 'field') return [filter.path[0]?.text ?? ''];
  if (filter.kind === 'expression') throw new UnsupportedError(9, '$expr in arrayFilters');
  return filter.clauses.flatMap(identifiersOf);
}

function checkIdentifiers(operations: readonly Operation[], filters: ArrayFilters): void {
  const used = new Set<string>();
  for (const { path } of operations) {
    for (const name of path) {
      const identifier = /^\$\[(.+)\]$/.exec(name)?.[1];
      if (identifier === undefined) continue;
      if (!filters.has(identifier)) {
        throw new EngineError(2, `No array filter found for identifier '${identifier}' in path '${path.join('.')}'`);
      }
      used.add(identifier);
    }
  }
  for (const identifier of filters.keys()) {
    if (!used.has(identifier)) throw new EngineError(9, `The array filter for identifier '${identifier}' was not used`);
  }
}

/** What an upsert starts from: the values that the filter says its document has. */
export function upsertBase(filter: Filter): Value {
  const entries = new Map<string, Value>();
  collectEqualities(filter, entries);
  return entries.size === 0 ? documentValue(Buffer.from([5, 0, 0, 0, 0])) : objectValue(entries);
}

function collectEqualities(filter: Filter, entries: Map<string, Value>): void {
  // A disjunction of one is a conjunction.
  if (filter.kind === 'and' || (filter.kind === 'or' && filter.clauses.length === 1)) {
    for (const clause of filter.clauses) collectEqualities(clause, entries);
  }
  if (filter.kind === 'field') collectFrom(filter.name, filter.condition, entries);
}

function collectFrom(name: string, condition: Condition, entries: Map<string, Value>): void {
  if (condition.kind === 'all') for (const inner of condition.conditions) collectFrom(name, inner, entries);
  if (condition.kind !== 'is') return;
  const { predicate } = condition;
  const isOnlyValue = predicate.kind === 'in' && predicate.values.length === 1 && predicate.regexes.length === 0;
  const value =
    predicate.kind === 'compare' && predicate.operator === '$eq'
      ? predicate.value
      : isOnlyValue
        ? predicate.values[0]
        : undefined;
  if (value === undefined) return;
  if (entries.has(name)) throw new EngineError(54, `cannot infer query fields to set, path '${name}' is matched twice`);
  entries.set(name, value);
}
