import { EngineError, UnsupportedError } from '../errors/failure.ts';
import { fitsInt, numericOf, toDouble, truncateToLong } from '../bson/number.ts';
import { BsonType, isNumeric, isTypeCode, typeByName } from '../bson/types.ts';
import {
  binaryOf,
  boolOf,
  elementsOf,
  entriesOf,
  fieldNamed,
  regexOf,
  stringOf,
  valuesOf,
  type Value,
} from '../bson/value.ts';
import { parseExpression } from '../expression/parse.ts';
import { isTruthy } from '../expression/truth.ts';
import type { BitsOperator, Condition, ElementTest, Filter, Predicate, RegexPredicate } from './filter.ts';
import { inPredicate } from './in-list.ts';
import { parsePath } from './paths.ts';
import { compileRegex } from './regex.ts';

const MAX_DEPTH = 100;
const BITS_OPERATORS = new Set(['$bitsAllSet', '$bitsAllClear', '$bitsAnySet', '$bitsAnyClear']);

/** Every operator that a filter may hold, for the check that the product uses no other. */
export const FILTER_OPERATORS: ReadonlySet<string> = new Set([
  ...['$and', '$or', '$nor', '$expr', '$comment'],
  ...['$eq', '$ne', '$gt', '$gte', '$lt', '$lte', '$in', '$nin', '$not', '$exists', '$type', '$regex', '$options'],
  ...['$mod', '$size', '$all', '$elemMatch', ...BITS_OPERATORS],
]);

const MATCH_ALL: Filter = { kind: 'and', clauses: [] };

function bad(message: string): never {
  throw new EngineError(2, message);
}

/**
 * A filter document as a tree.
 * @throws EngineError 2 and others for what MongoDB refuses, UnsupportedError for what the engine does
 */
export function parseFilter(document: Value | undefined, depth = 0): Filter {
  if (document === undefined) return MATCH_ALL;
  if (document.type !== BsonType.object) throw new EngineError(14, 'the filter must be an object');
  if (depth > MAX_DEPTH) throw new EngineError(2, 'the filter nests too deeply');
  const clauses: Filter[] = [];
  for (const [name, value] of entriesOf(document)) {
    const clause = name.startsWith('$') ? parseTopLevel(name, value, depth) : parseField(name, value, depth);
    if (clause !== undefined) clauses.push(clause);
  }
  const [only] = clauses;
  return clauses.length === 1 && only !== undefined ? only : { kind: 'and', clauses };
}

function parseTopLevel(name: string, value: Value, depth: number): Filter | undefined {
  switch (name) {
    case '$and':
    case '$or':
    case '$nor': {
      if (value.type !== BsonType.array) bad(`${name} must be an array`);
      const clauses = valuesOf(value).map((clause) => {
        if (clause.type !== BsonType.object) bad('$or/$and/$nor entries need to be full objects');
        return parseFilter(clause, depth + 1);
      });
      if (clauses.length === 0) bad('$and/$or/$nor must be a nonempty array');
      return { kind: name === '$and' ? 'and' : name === '$or' ? 'or' : 'nor', clauses };
    }
    case '$expr': {
      const expression = parseExpression(value);
      return { kind: 'expression', test: (document) => isTruthy(expression(document)) };
    }
    case '$comment':
      return undefined;
    default:
      throw new UnsupportedError(2, `unknown top level operator: ${name}; it`);
  }
}

function parseField(name: string, value: Value, depth: number): Filter {
  const conditions = parseConditions(value, depth);
  const [only] = conditions;
  const condition: Condition = conditions.length === 1 && only !== undefined ? only : { kind: 'all', conditions };
  return { kind: 'field', name, path: parsePath(name), condition };
}

const is = (predicate: Predicate): Condition => ({ kind: 'is', predicate });
const not = (...conditions: Condition[]): Condition => ({ kind: 'not', conditions });

/** What is asked of a field: a document of operators, a regular expression, or a value to equal. */
function parseConditions(value: Value, depth: number): Condition[] {
  if (value.type === BsonType.regex) return [is(regexPredicate(value))];
  if (value.type === BsonType.object && isOperatorDocument(value)) return parseOperators(value, depth);
  return [is({ kind: 'compare', operator: '$eq', value })];
}

/** True for a document whose first name begins with `$`. */
export function isOperatorDocument(value: Value): boolean {
  const elements = elementsOf(value);
  if (!elements.next() || elements.octets[elements.nameStart] !== 0x24) return false;
  // References to other collections are values.
  return !['$ref', '$id', '$db'].includes(elements.name());
}

/** @param document of operators such as `{ $gt: 5, $lt: 9 }` */
export function parseOperators(document: Value, depth = 0): Condition[] {
  if (depth > MAX_DEPTH) throw new EngineError(2, 'the filter nests too deeply');
  const conditions: Condition[] = [];
  for (const [name, value] of entriesOf(document)) {
    const condition = parseOperator(name, value, document, depth);
    if (condition !== undefined) conditions.push(condition);
  }
  return conditions;
}

function parseOperator(name: string, value: Value, document: Value, depth: number): Condition | undefined {
  switch (name) {
    case '$eq':
      return is({ kind: 'compare', operator: '$eq', value });
    case '$ne':
      if (value.type === BsonType.regex) bad("Can't have regex as arg to $ne.");
      return not(is({ kind: 'compare', operator: '$eq', value }));
    case '$gt':
    case '$gte':
    case '$lt':
    case '$lte':
      if (value.type === BsonType.regex) bad(`Can't have RegEx as arg to predicate over field`);
      return is({ kind: 'compare', operator: name, value });
    case '$in':
      return is(parseIn(name, value));
    case '$nin':
      return not(is(parseIn(name, value)));
    case '$not':
      return parseNot(value, depth);
    case '$exists':
      return isTruthy(value) ? is({ kind: 'exists' }) : not(is({ kind: 'exists' }));
    case '$type':
      return is({ kind: 'type', types: parseTypes(value) });
    case '$regex':
      return is(parseRegex(value, fieldNamed(document, '$options')));
    case '$options':
      if (fieldNamed(document, '$regex') === undefined) bad('$options needs a $regex');
      return undefined;
    case '$mod':
      return is(parseMod(value));
    case '$size':
      return is({ kind: 'size', size: parseSize(value) });
    case '$all':
      return parseAll(value, depth);
    case '$elemMatch':
      return is({ kind: 'elemMatch', test: parseElementTest(value, depth) });
    case '$bitsAllSet':
    case '$bitsAllClear':
    case '$bitsAnySet':
    case '$bitsAnyClear':
      return is({ kind: 'bits', operator: name, positions: parseBits(name, value) });
    default:
      throw new UnsupportedError(2, `unknown operator: ${name}; it`);
  }
}

function parseIn(name: string, value: Value): Predicate {
  if (value.type !== BsonType.array) bad(`${name} needs an array`);
  const values: Value[] = [];
  const regexes: RegexPredicate[] = [];
  for (const element of valuesOf(value)) {
    if (element.type === BsonType.regex) regexes.push(regexPredicate(element));
    else if (element.type === BsonType.object && isOperatorDocument(element)) bad(`cannot nest $ under ${name}`);
    else values.push(element);
  }
  return inPredicate(values, regexes);
}

function parseNot(value: Value, depth: number): Condition {
  if (value.type === BsonType.regex) return not(is(regexPredicate(value)));
  if (value.type !== BsonType.object) bad('$not needs a regex or a document');
  const conditions = parseOperators(value, depth + 1);
  if (conditions.length === 0) bad('$not cannot be empty');
  return not(...conditions);
}

function parseTypes(value: Value): ReadonlySet<number> {
  const types = new Set<number>();
  const named = value.type === BsonType.array ? valuesOf(value) : [value];
  if (named.length === 0) throw new EngineError(9, '$type must match at least one type');
  for (const one of named) {
    if (one.type === BsonType.string) {
      const name = stringOf(one);
      const type = typeByName(name);
      if (name === 'number')
        [BsonType.int, BsonType.long, BsonType.double, BsonType.decimal].forEach((t) => types.add(t));
      else if (type === undefined) bad(`Unknown type name alias: ${name}`);
      else types.add(type);
    } else if (isNumeric(one.type)) {
      const code = toDouble(numericOf(one));
      const type = code === -1 ? BsonType.minKey : code;
      if (!isTypeCode(type) || code === 255) bad(`Invalid numerical type code: ${code}`);
      types.add(type);
    } else throw new EngineError(14, 'type must be represented as a number or a string');
  }
  return types;
}

function regexPredicate(value: Value): RegexPredicate {
  const { pattern, flags } = regexOf(value);
  return { kind: 'regex', regex: compileRegex(pattern, flags), value };
}

function parseRegex(value: Value, options: Value | undefined): RegexPredicate {
  if (options !== undefined && options.type !== BsonType.string) bad('$options has to be a string');
  if (value.type === BsonType.regex) {
    const { pattern, flags } = regexOf(value);
    if (flags !== '' && options !== undefined) throw new EngineError(51075, 'options set in both $regex and $options');
    return { kind: 'regex', regex: compileRegex(pattern, options === undefined ? flags : stringOf(options)), value };
  }
  if (value.type !== BsonType.string) bad('$regex has to be a string');
  const flags = options === undefined ? '' : stringOf(options);
  const pattern = stringOf(value);
  if (pattern.includes('\0')) throw new EngineError(51091, 'Regular expression cannot contain an embedded null byte');
  const octets = Buffer.from(`${pattern}\0${Array.from(flags).sort().join('')}\0`);
  const asValue = { type: BsonType.regex, octets, start: 0, end: octets.length };
  return { kind: 'regex', regex: compileRegex(pattern, flags), value: asValue };
}

function parseMod(value: Value): Predicate {
  if (value.type !== BsonType.array) bad('malformed mod, needs to be an array');
  const parts = valuesOf(value);
  if (parts.length < 2) bad('malformed mod, not enough elements');
  if (parts.length > 2) bad('malformed mod, too many elements');
  const [divisor, remainder] = parts.map((part) =>
    isNumeric(part.type) ? truncateToLong(numericOf(part)) : undefined,
  );
  if (divisor === undefined || remainder === undefined) bad('malformed mod, divisor and remainder must be numbers');
  if (divisor === 0n) bad('divisor cannot be 0');
  return { kind: 'mod', divisor, remainder };
}

function parseSize(value: Value): number {
  const size = isNumeric(value.type) ? toDouble(numericOf(value)) : NaN;
  if (!Number.isInteger(size) || !fitsInt(size)) bad('Failed to parse $size. Expected an integer');
  if (size < 0) bad('Failed to parse $size. Expected a non-negative number');
  return size;
}

function parseAll(value: Value, depth: number): Condition {
  if (value.type !== BsonType.array) bad('$all needs an array');
  const elements = valuesOf(value);
  if (elements.length === 0) return { kind: 'never' };
  const conditions = elements.map((element): Condition => {
    if (element.type === BsonType.regex) return is(regexPredicate(element));
    if (element.type !== BsonType.object || !isOperatorDocument(element)) {
      return is({ kind: 'compare', operator: '$eq', value: element });
    }
    const inner = fieldNamed(element, '$elemMatch');
    if (inner === undefined) bad('no $ expressions in $all');
    return is({ kind: 'elemMatch', test: parseElementTest(inner, depth + 1) });
  });
  return { kind: 'all', conditions };
}

export function parseElementTest(value: Value, depth: number): ElementTest {
  if (value.type !== BsonType.object) bad('$elemMatch needs an Object');
  const elements = elementsOf(value);
  const first = elements.next() ? elements.name() : '';
  const isOfValues = isOperatorDocument(value) && !['$and', '$or', '$nor', '$expr', '$comment'].includes(first);
  if (isOfValues) return { kind: 'value', conditions: parseOperators(value, depth + 1) };
  return { kind: 'document', filter: parseFilter(value, depth + 1) };
}

function parseBits(name: BitsOperator, value: Value): number[] {
  if (value.type === BsonType.array) {
    return valuesOf(value).map((position) => {
      const at = isNumeric(position.type) ? toDouble(numericOf(position)) : NaN;
      if (!Number.isInteger(at) || at < 0 || !fitsInt(at)) bad(`${name} bit positions must be integers >= 0`);
      return at;
    });
  }
  if (value.type === BsonType.binary) {
    const { data } = binaryOf(value);
    return Array.from({ length: data.length * 8 }, (_, at) => at).filter(
      (at) => ((data[at >> 3] ?? 0) >> (at & 7)) & 1,
    );
  }
  const mask = isNumeric(value.type) ? truncateToLong(numericOf(value)) : undefined;
  if (mask === undefined || mask < 0n) throw new EngineError(9, `${name} takes a number >= 0, an array or BinData`);
  return Array.from({ length: 63 }, (_, at) => at).filter((at) => ((mask >> BigInt(at)) & 1n) === 1n);
}

/** True where a boolean option is set; other types are refused. */
export function asBoolean(value: Value, name: string): boolean {
  if (value.type === BsonType.boolean) return boolOf(value);
  if (isNumeric(value.type)) return toDouble(numericOf(value)) !== 0;
  throw new EngineError(14, `'${name}' must be a boolean`);
}
