import type { Binary, BSONRegExp } from 'mongodb';
import {
  compare,
  exactOf,
  field,
  isArray,
  isDoc,
  isNaNValue,
  isNumber,
  ModelError,
  NotModelled,
  rankOf,
  truth,
  TYPE_CODES,
  typeOf,
  type Doc,
  type Value,
  numberOf,
} from './value.ts';

/** A value that a path leads to, undefined for one that is missing, and its place in the outermost array passed. */
interface Candidate {
  readonly value: Value | undefined;
  readonly at: number | undefined;
}

/** Whether a document matches, and where in an array, for the positional `$`. */
export interface Match {
  readonly holds: boolean;
  readonly at?: number | undefined;
}
export type Filter = (document: Doc) => Match;
/** A condition on all that a path leads to: with the elements of arrays at its end, or whole. */
type Condition = (expanded: readonly Candidate[], whole: readonly Candidate[]) => Match;

const NO: Match = { holds: false };

/** What a path leads to in a document, arrays at its end left whole. */
function follow(value: Value | undefined, names: readonly string[], at?: number): Candidate[] {
  const [name, ...rest] = names;
  if (name === undefined) return [{ value, at }];
  if (isDoc(value)) return follow(field(value, name), rest, at);
  if (!isArray(value)) return [{ value: undefined, at }];
  return value.flatMap((element, index) => {
    const own = at ?? index;
    const found = isDoc(element) ? follow(element, names, own) : [];
    if (String(index) !== name) return found;
    if (rest.length === 0) return [...found, { value: element, at: own }];
    const inner = isArray(element) ? Object.fromEntries(element.entries()) : element;
    return isDoc(inner) ? [...found, ...follow(inner, rest, own)] : found;
  });
}

/** The elements of arrays at the end of a path, before the arrays; a place named by its number stands by itself. */
function expand(document: Doc, names: readonly string[], whole: readonly Candidate[]): Candidate[] {
  const last = names.at(-1) ?? '';
  const parents = names.length > 1 ? follow(document, names.slice(0, -1)) : [];
  const isPlace = /^\d+$/.test(last) && parents.some(({ value }) => isArray(value));
  if (isPlace) return [...whole];
  return whole.flatMap((candidate) =>
    isArray(candidate.value)
      ? [...candidate.value.map((value, index) => ({ value, at: candidate.at ?? index })), candidate]
      : [candidate],
  );
}

const anyOf = (test: (value: Value | undefined) => boolean): Condition => {
  return (expanded) => {
    const found = expanded.find(({ value }) => test(value));
    return found === undefined ? NO : { holds: true, at: found.at };
  };
};

const not =
  (condition: Condition): Condition =>
  (expanded, whole) => ({ holds: !condition(expanded, whole).holds });

const allOf = (conditions: readonly Condition[]): Condition => {
  return (expanded, whole) => both(conditions.map((condition) => condition(expanded, whole)));
};

function both(matches: readonly Match[]): Match {
  if (matches.some(({ holds }) => !holds)) return NO;
  return { holds: true, at: matches.findLast(({ at }) => at !== undefined)?.at };
}

const bad = (message: string, code = 2): never => {
  throw new ModelError(code, message);
};

function comparison(operator: string, wanted: Value): Condition {
  return anyOf((value) => holdsComparison(operator, wanted, value));
}

function holdsComparison(operator: string, wanted: Value, value: Value | undefined): boolean {
  const type = typeOf(wanted);
  if (type === 'null') return (value === undefined || value === null) && operator !== '$gt' && operator !== '$lt';
  if (value === undefined) return false;
  if (rankOf(value) !== rankOf(wanted)) {
    if (type === 'minKey') return operator === '$gt' || operator === '$gte';
    return type === 'maxKey' && (operator === '$lt' || operator === '$lte');
  }
  if (isNaNValue(value) || isNaNValue(wanted)) {
    return isNaNValue(value) && isNaNValue(wanted) && operator !== '$gt' && operator !== '$lt';
  }
  const order = compare(value, wanted);
  if (operator === '$eq') return order === 0;
  if (operator === '$gt') return order > 0;
  if (operator === '$gte') return order >= 0;
  return operator === '$lt' ? order < 0 : order <= 0;
}

function regexTest(regex: Pick<BSONRegExp, 'pattern' | 'options'>): (value: Value | undefined) => boolean {
  if (/[^ims]/.test(regex.options)) throw new NotModelled(regex.options);
  let compiled: RegExp;
  try {
    compiled = new RegExp(regex.pattern, `${regex.options}u`);
  } catch {
    return bad('bad regular expression', 51091);
  }
  return (value) => {
    if (typeof value === 'string') return compiled.test(value);
    if (value === undefined || typeOf(value) !== 'regex') return false;
    const other = value as BSONRegExp;
    return other.pattern === regex.pattern && other.options === regex.options;
  };
}

const isRegex = (value: Value): value is BSONRegExp => typeOf(value) === 'regex';
const listOf = (value: Value): readonly Value[] => (isArray(value) ? value : bad('needs an array'));

function inList(operand: Value): Condition {
  const tests = listOf(operand).map((wanted) => {
    if (isDoc(wanted) && Object.keys(wanted)[0]?.startsWith('$') === true) bad('cannot nest $ under $in');
    if (isRegex(wanted)) return regexTest(wanted);
    return (value: Value | undefined) => holdsComparison('$eq', wanted, value);
  });
  return anyOf((value) => tests.some((test) => test(value)));
}

function typeTest(operand: Value): Condition {
  const wanted = (isArray(operand) ? operand : [operand]).flatMap((one): string[] => {
    if (one === 'number') return ['int', 'long', 'double', 'decimal'];
    const name = typeof one === 'string' ? one : TYPE_CODES.get(numberOf(one));
    if (name === undefined || ![...TYPE_CODES.values()].some((known) => known === name)) return bad('unknown type');
    return [name];
  });
  return anyOf((value) => value !== undefined && wanted.includes(typeOf(value)));
}

function mod(operand: Value): Condition {
  const terms = listOf(operand);
  if (terms.length !== 2) bad('malformed mod');
  const [divisor, remainder] = terms.map(truncated);
  if (divisor === undefined || remainder === undefined) return bad('malformed mod');
  if (divisor === 0n) bad('divisor cannot be 0');
  return anyOf((value) => {
    const number = value === undefined ? undefined : truncated(value);
    return number !== undefined && number % divisor === remainder;
  });
}

/** A number without its fraction; undefined for what is none or does not fit 64 bits. */
function truncated(value: Value): bigint | undefined {
  if (!isNumber(value)) return undefined;
  const exact = exactOf(value);
  if (typeof exact === 'number') return undefined;
  const whole = exact[0] / exact[1];
  return BigInt.asIntN(64, whole) === whole ? whole : undefined;
}

function bits(operator: string, operand: Value): Condition {
  let positions: readonly number[];
  if (isArray(operand)) positions = operand.map((one) => numberOf(one));
  else {
    const mask = truncated(operand);
    if (mask === undefined || mask < 0n) throw new NotModelled('mask');
    positions = Array.from({ length: 64 }, (_, at) => at).filter((at) => ((mask >> BigInt(at)) & 1n) === 1n);
  }
  return anyOf((value) => {
    if (value === undefined) return false;
    let isSet: (at: number) => boolean;
    if (typeOf(value) === 'binData') {
      const octets = (value as Binary).value();
      isSet = (at) => (((octets[at >> 3] ?? 0) >> (at & 7)) & 1) === 1;
    } else {
      const whole = truncated(value);
      // A double with a fraction has no bits; a decimal loses its fraction.
      if (whole === undefined || (typeOf(value) === 'double' && !Number.isInteger(numberOf(value)))) return false;
      isSet = (at) => ((whole >> BigInt(at)) & 1n) === 1n;
    }
    if (operator === '$bitsAllSet') return positions.every(isSet);
    if (operator === '$bitsAnySet') return positions.some(isSet);
    if (operator === '$bitsAllClear') return !positions.some(isSet);
    return !positions.every(isSet);
  });
}

function all(operand: Value): Condition {
  const conditions = listOf(operand).map((one) => {
    if (isDoc(one) && Object.keys(one)[0] === '$elemMatch') return elemMatch(one['$elemMatch']!);
    return isRegex(one) ? anyOf(regexTest(one)) : comparison('$eq', one);
  });
  return conditions.length === 0 ? () => NO : allOf(conditions);
}

function size(operand: Value): Condition {
  const wanted = truncated(operand);
  if (wanted === undefined || wanted < 0n) bad('bad $size');
  return (_, whole) => ({ holds: whole.some(({ value }) => isArray(value) && BigInt(value.length) === wanted) });
}

function elemMatch(operand: Value): Condition {
  if (!isDoc(operand)) return bad('$elemMatch needs an Object');
  const first = Object.keys(operand)[0] ?? '';
  let test: (element: Value) => boolean;
  if (first.startsWith('$') && !['$and', '$or', '$nor'].includes(first)) {
    const condition = parseCondition(operand);
    test = (value) => condition([{ value, at: undefined }], [{ value, at: undefined }]).holds;
  } else {
    const filter = parseFilter(operand);
    test = (value) => {
      if (isArray(value)) return filter(Object.fromEntries(value.entries())).holds;
      return isDoc(value) && filter(value).holds;
    };
  }
  return (_, whole) => {
    for (const { value, at } of whole) {
      const found = isArray(value) ? value.findIndex(test) : -1;
      if (found >= 0) return { holds: true, at: at ?? found };
    }
    return NO;
  };
}

function negation(operand: Value): Condition {
  if (isRegex(operand)) return not(anyOf(regexTest(operand)));
  if (!isDoc(operand) || Object.keys(operand).length === 0) return bad('$not needs a regex or a document');
  return not(parseCondition(operand));
}

function parseOperator(operator: string, operand: Value, siblings: Doc): Condition {
  switch (operator) {
    case '$eq':
    case '$gt':
    case '$gte':
    case '$lt':
    case '$lte':
      return comparison(operator, operand);
    case '$ne':
      return not(comparison('$eq', operand));
    case '$in':
      return inList(operand);
    case '$nin':
      return not(inList(operand));
    case '$exists': {
      const exists = anyOf((value) => value !== undefined);
      return truth(operand) ? exists : not(exists);
    }
    case '$type':
      return typeTest(operand);
    case '$regex': {
      const options = siblings['$options'];
      if (isRegex(operand)) return anyOf(regexTest(operand));
      return anyOf(regexTest({ pattern: operand as string, options: typeof options === 'string' ? options : '' }));
    }
    case '$options':
      return () => ({ holds: true });
    case '$not':
      return negation(operand);
    case '$mod':
      return mod(operand);
    case '$size':
      return size(operand);
    case '$all':
      return all(operand);
    case '$elemMatch':
      return elemMatch(operand);
    case '$bitsAllSet':
    case '$bitsAnySet':
    case '$bitsAllClear':
    case '$bitsAnyClear':
      return bits(operator, operand);
    default:
      return bad(`unknown operator: ${operator}`);
  }
}

/** What stands behind a path: operators, a regular expression, or a value to be equal to. */
export function parseCondition(operand: Value): Condition {
  if (isRegex(operand)) return anyOf(regexTest(operand));
  if (!isDoc(operand) || Object.keys(operand)[0]?.startsWith('$') !== true) return comparison('$eq', operand);
  return allOf(Object.entries(operand).map(([operator, value]) => parseOperator(operator, value, operand)));
}

export function parseFilter(filter: Doc): Filter {
  const parts = Object.entries(filter).map(([name, operand]): Filter => {
    if (!name.startsWith('$')) {
      const names = name.split('.');
      const condition = parseCondition(operand);
      return (document) => {
        const whole = follow(document, names);
        return condition(expand(document, names, whole), whole);
      };
    }
    if (name === '$expr') throw new NotModelled(name);
    if (!['$and', '$or', '$nor'].includes(name)) return bad(`unknown top level operator: ${name}`);
    const clauses = listOf(operand).map((clause) => (isDoc(clause) ? parseFilter(clause) : bad('needs documents')));
    if (clauses.length === 0) bad('must be a nonempty array');
    if (name === '$and') return (document) => both(clauses.map((clause) => clause(document)));
    if (name === '$nor') return (document) => ({ holds: !clauses.some((clause) => clause(document).holds) });
    return (document) => clauses.map((clause) => clause(document)).find(({ holds }) => holds) ?? NO;
  });
  return (document) => both(parts.map((part) => part(document)));
}
