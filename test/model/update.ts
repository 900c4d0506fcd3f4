import { Int32, Long } from 'mongodb';
import { calculate } from './arithmetic.ts';
import { parseCondition, parseFilter, type Filter } from './filter.ts';
import { compareBy, orderOf } from './keys.ts';
import {
  compare,
  equal,
  field,
  isArray,
  isDoc,
  isNumber,
  ModelError,
  NotModelled,
  typeOf,
  textOf,
  numberOf,
} from './value.ts';
import type { Doc, Value } from './value.ts';

/** What a query tells an update: where in an array it matched, and whether an upsert is about to insert. */
export interface Circumstances {
  readonly at: number | undefined;
  readonly isInsert: boolean;
}

/** From a document to what it becomes; a new document, the old one is left alone. */
export type Update = (document: Doc, circumstances: Circumstances) => Doc;

const fail = (code: number, message: string): never => {
  throw new ModelError(code, message);
};
const placeOf = (name: string): number | undefined => (/^(0|[1-9]\d*)$/.test(name) ? Number(name) : undefined);

function get(value: Value | undefined, names: readonly string[]): Value | undefined {
  const [name, ...rest] = names;
  if (name === undefined) return value;
  if (isDoc(value)) return get(field(value, name), rest);
  return isArray(value) ? get(value[placeOf(name) ?? -1], rest) : undefined;
}

/** The value with another at a path, documents made on the way. @throws ModelError 28 where that cannot be */
function set(value: Value | undefined, names: readonly string[], next: Value): Value {
  const [name, ...rest] = names;
  if (name === undefined) return next;
  if (value === undefined) return { [name]: set(undefined, rest, next) };
  if (isDoc(value)) return { ...value, [name]: set(field(value, name), rest, next) };
  const place = placeOf(name);
  if (!isArray(value) || place === undefined) return fail(28, `no field ${name} can be made here`);
  const length = Math.max(value.length, place + 1);
  return Array.from({ length }, (_, at) => (at === place ? set(value[at], rest, next) : (value[at] ?? null)));
}

function unset(value: Value, names: readonly string[]): Value {
  const [name = '', ...rest] = names;
  const child = get(value, [name]);
  if (child === undefined) return value;
  if (rest.length > 0) return set(value, [name], unset(child, rest));
  if (isArray(value)) return set(value, [name], null);
  return Object.fromEntries(Object.entries(value as Doc).filter(([other]) => other !== name));
}

/** The value that takes a place, or undefined to leave all as it is. */
type Change = (current: Value | undefined) => Value | undefined;

const arrayOf = (value: Value | undefined): readonly Value[] =>
  value === undefined ? [] : isArray(value) ? value : fail(2, 'must be an array');

function arithmetic(operation: 'add' | 'multiply', operand: Value): Change {
  if (!isNumber(operand)) fail(14, 'not a number');
  return (current) => {
    if (current === undefined) return operation === 'add' ? operand : calculate('multiply', operand, new Int32(0));
    return isNumber(current) ? calculate(operation, current, operand) : fail(14, 'not a number');
  };
}

const wholeNumber = (value: Value): number =>
  isNumber(value) && Number.isInteger(numberOf(value)) ? numberOf(value) : fail(2, 'not an integer');

function push(operand: Value): Change {
  const modifiers: Doc = isDoc(operand) && '$each' in operand ? operand : { $each: [operand] };
  const each = modifiers['$each']!;
  if (!isArray(each)) return fail(2, '$each must be an array');
  const unknown = Object.keys(modifiers).find((name) => !['$each', '$position', '$sort', '$slice'].includes(name));
  if (unknown !== undefined) fail(2, `Unrecognized clause in $push: ${unknown}`);
  const { $position: position, $sort: order, $slice: slice } = modifiers;
  return (current) => {
    const values = [...arrayOf(current)];
    values.splice(position === undefined ? values.length : wholeNumber(position), 0, ...each);
    if (isDoc(order)) values.sort((a, b) => compareBy(orderOf(order), isDoc(a) ? a : {}, isDoc(b) ? b : {}));
    else if (order !== undefined) values.sort((a, b) => compare(a, b) * wholeNumber(order));
    if (slice === undefined) return values;
    const count = wholeNumber(slice);
    return count >= 0 ? values.slice(0, count) : values.slice(count);
  };
}

function addToSet(operand: Value): Change {
  const isEach = isDoc(operand) && '$each' in operand;
  const added = isEach ? operand['$each'] : [operand];
  if (!isArray(added)) return fail(14, '$each must be an array');
  return (current) =>
    added.reduce<readonly Value[]>(
      (values, value) => (values.some((present) => equal(present, value)) ? values : [...values, value]),
      arrayOf(current),
    );
}

/** For operators that only take away: what is not there stays so. */
const fromArray = (change: (values: readonly Value[]) => readonly Value[]): Change => {
  return (current) => (current === undefined ? undefined : change(arrayOf(current)));
};

function pull(operand: Value): Change {
  let isPulled: (element: Value) => boolean;
  if (isDoc(operand) && Object.keys(operand)[0]?.startsWith('$') !== true) {
    const filter = parseFilter(operand);
    isPulled = (element) => isDoc(element) && filter(element).holds;
  } else if (isDoc(operand) || typeOf(operand) === 'regex') {
    const condition = parseCondition(operand);
    isPulled = (value) => condition([{ value, at: undefined }], [{ value, at: undefined }]).holds;
  } else isPulled = (element) => equal(element, operand);
  return fromArray((values) => values.filter((element) => !isPulled(element)));
}

function pullAll(operand: Value): Change {
  const removed = isArray(operand) ? operand : fail(2, '$pullAll requires an array');
  return fromArray((values) => values.filter((value) => !removed.some((one) => equal(one, value))));
}

function pop(operand: Value): Change {
  const end = isNumber(operand) ? numberOf(operand) : 0;
  if (end !== 1 && end !== -1) fail(9, '$pop expects 1 or -1');
  return fromArray((values) => (end === 1 ? values.slice(0, -1) : values.slice(1)));
}

function bit(operand: Value): Change {
  const steps = isDoc(operand) ? Object.entries(operand) : fail(2, '$bit needs a document');
  const isInteger = (value: Value): boolean => ['int', 'long'].includes(typeOf(value));
  for (const [name, mask] of steps) {
    if (!['and', 'or', 'xor'].includes(name) || !isInteger(mask)) fail(2, 'bad $bit');
  }
  return (current = new Int32(0)) => {
    if (!isInteger(current)) fail(2, 'not an integer');
    return steps.reduce((value, [name, mask]) => {
      const [a, b] = [BigInt(textOf(value)), BigInt(textOf(mask))];
      const result = name === 'and' ? a & b : name === 'or' ? a | b : a ^ b;
      const isLong = typeOf(value) === 'long' || typeOf(mask) === 'long';
      return isLong ? Long.fromBigInt(result) : new Int32(Number(result));
    }, current);
  };
}

function currentDate(operand: Value): Change {
  if (typeof operand === 'boolean' || isDoc(operand)) throw new NotModelled('$currentDate');
  return fail(2, '$currentDate takes a boolean or a type');
}

const extreme = (operand: Value, sign: 1 | -1): Change => {
  return (current) => (current === undefined || compare(operand, current) * sign > 0 ? operand : undefined);
};

const CHANGES: ReadonlyMap<string, (operand: Value) => Change> = new Map<string, (operand: Value) => Change>([
  ['$set', (operand) => () => operand],
  ['$setOnInsert', (operand) => () => operand],
  ['$unset', () => () => undefined],
  ['$inc', (operand) => arithmetic('add', operand)],
  ['$mul', (operand) => arithmetic('multiply', operand)],
  ['$min', (operand) => extreme(operand, -1)],
  ['$max', (operand) => extreme(operand, 1)],
  ['$push', push],
  ['$addToSet', addToSet],
  ['$pull', pull],
  ['$pullAll', pullAll],
  ['$pop', pop],
  ['$bit', bit],
  ['$currentDate', currentDate],
]);

function checkedPath(path: string): string[] {
  if (path === '') fail(56, 'an empty path');
  const names = path.split('.');
  if (names.includes('') || names[0]?.startsWith('$') === true) fail(2, `bad path ${path}`);
  return names;
}

function checkConflicts(paths: readonly string[]): void {
  for (const [at, path] of paths.entries()) {
    const touches = (other: string): boolean =>
      other === path || other.startsWith(`${path}.`) || path.startsWith(`${other}.`);
    if (paths.slice(0, at).some(touches)) fail(40, `conflict at ${path}`);
  }
}

function parseArrayFilters(arrayFilters: readonly Doc[]): Map<string, Filter> {
  const nameOf = (filter: Doc): string => {
    const [name, operand] = Object.entries(filter)[0] ?? ['', null];
    return name.startsWith('$') && isArray(operand) ? nameOf(operand[0] as Doc) : name.split('.')[0]!;
  };
  return new Map(arrayFilters.map((filter) => [nameOf(filter), parseFilter(filter)]));
}

/** The paths that one with `$`, `$[]` or `$[name]` in it stands for. */
function concretePaths(
  document: Doc,
  names: readonly string[],
  at: number | undefined,
  filters: ReadonlyMap<string, Filter>,
): string[][] {
  return names.reduce<string[][]>(
    (paths, name) => {
      if (name === '$' && at === undefined) fail(2, 'no match for the positional operator');
      if (name === '$') return paths.map((path) => [...path, String(at)]);
      if (!name.startsWith('$[')) return paths.map((path) => [...path, name]);
      const identifier = name.slice(2, -1);
      const filter = filters.get(identifier);
      return paths.flatMap((path) => {
        const array = get(document, path);
        const elements = isArray(array) ? array : fail(2, 'must be an array that exists');
        return elements.flatMap((element, place) =>
          filter === undefined || filter({ [identifier]: element }).holds ? [[...path, String(place)]] : [],
        );
      });
    },
    [[]],
  );
}

interface Step {
  readonly operator: string;
  readonly names: readonly string[];
  readonly operand: Value;
}

/** By names, and by numbers where both are numbers: the order in which new fields come. */
function compareNames(a: readonly string[], b: readonly string[]): number {
  const at = a.findIndex((name, index) => name !== b[index]);
  if (at < 0) return a.length - b.length;
  const [x, y] = [a[at]!, b[at] ?? ''];
  const [m, n] = [placeOf(x), placeOf(y)];
  return m !== undefined && n !== undefined ? m - n : Buffer.from(x).compare(Buffer.from(y));
}

function parseSteps(update: Doc): Step[] {
  return Object.entries(update).flatMap(([operator, operands]) => {
    if (operator !== '$rename' && !CHANGES.has(operator)) fail(9, `Unknown modifier: ${operator}`);
    if (!isDoc(operands)) return fail(9, 'operators need documents');
    return Object.entries(operands).map(([path, operand]) => ({ operator, names: checkedPath(path), operand }));
  });
}

function checkIdentifiers(steps: readonly Step[], filters: ReadonlyMap<string, Filter>): void {
  const used = steps.flatMap(({ names }) => names.filter((name) => /^\$\[.+\]$/.test(name)).map((s) => s.slice(2, -1)));
  if (used.some((identifier) => !filters.has(identifier))) fail(2, 'no such array filter');
  if ([...filters.keys()].some((identifier) => !used.includes(identifier))) fail(9, 'an array filter is not used');
}

/** An update by operators. */
function parseOperators(update: Doc, arrayFilters: readonly Doc[]): Update {
  const steps = parseSteps(update);
  const targets = (step: Step): string[] =>
    step.operator === '$rename' ? [step.names.join('.'), textOf(step.operand)] : [step.names.join('.')];
  checkConflicts(steps.flatMap(targets));
  const filters = parseArrayFilters(arrayFilters);
  checkIdentifiers(steps, filters);
  const run = steps.map((step) => {
    const change = step.operator === '$rename' ? undefined : CHANGES.get(step.operator)!(step.operand);
    return { ...step, change, sortNames: change === undefined ? textOf(step.operand).split('.') : step.names };
  });
  run.sort((a, b) => compareNames(a.sortNames, b.sortNames));
  return (document, { at, isInsert }) => {
    let result: Doc = document;
    for (const { operator, names, change, sortNames } of run) {
      if (operator === '$setOnInsert' && !isInsert) continue;
      if (change === undefined) {
        const value = get(result, names);
        if (value !== undefined) result = set(unset(result, names), sortNames, value) as Doc;
        continue;
      }
      for (const path of concretePaths(result, names, at, filters)) {
        const next = operator === '$unset' ? undefined : change(get(result, path));
        if (operator === '$unset') result = unset(result, path) as Doc;
        else if (next !== undefined) result = set(result, path, next) as Doc;
      }
    }
    return result;
  };
}

/** An update by operators, or a document that takes another's place. @throws ModelError, NotModelled for a pipeline */
export function parseUpdate(update: Doc | readonly Doc[], arrayFilters: readonly Doc[] = []): Update {
  if (isArray(update)) throw new NotModelled('a pipeline');
  const names = Object.keys(update);
  if (names[0]?.startsWith('$') === true) return parseOperators(update, arrayFilters);
  if (names.some((name) => name.startsWith('$'))) fail(52, 'a replacement with operators');
  return () => update;
}

/** What an upsert starts from: the equalities of its filter. */
export function baseOf(filter: Doc): Doc {
  let base: Doc = {};
  const paths: string[] = [];
  const collect = (part: Doc): void => {
    for (const [name, operand] of Object.entries(part)) {
      if (name === '$and') (operand as readonly Doc[]).forEach(collect);
      if (name.startsWith('$') || typeOf(operand) === 'regex') continue;
      const isOperators = isDoc(operand) && Object.keys(operand)[0]?.startsWith('$') === true;
      const value = isOperators ? operand['$eq'] : operand;
      if (value === undefined) continue;
      if (paths.includes(name)) fail(54, `${name} is matched twice`);
      paths.push(name);
      base = set(base, name.split('.'), value) as Doc;
    }
  };
  collect(filter);
  return base;
}
