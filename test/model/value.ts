import type { Binary, BSONRegExp, Decimal128, Double, Int32, Long, MaxKey, MinKey, ObjectId, Timestamp } from 'mongodb';

/** A BSON value as the driver decodes it with `promoteValues: false` and `bsonRegExp: true`. */
export type Value =
  | null
  | boolean
  | string
  | Date
  | Int32
  | Double
  | Long
  | Decimal128
  | Binary
  | ObjectId
  | Timestamp
  | BSONRegExp
  | MinKey
  | MaxKey
  | Doc
  | readonly Value[];

export interface Doc {
  readonly [name: string]: Value;
}

/** What MongoDB would refuse, by its code. */
export class ModelError extends Error {
  readonly code: number;

  constructor(code: number, message = '') {
    super(message);
    this.code = code;
  }
}

/** What the model leaves to others. */
export class NotModelled extends Error {}

export type TypeName =
  | 'minKey'
  | 'null'
  | 'int'
  | 'long'
  | 'double'
  | 'decimal'
  | 'string'
  | 'object'
  | 'array'
  | 'binData'
  | 'objectId'
  | 'bool'
  | 'date'
  | 'timestamp'
  | 'regex'
  | 'maxKey';

const TAGS: ReadonlyMap<string, TypeName> = new Map([
  ['Int32', 'int'],
  ['Long', 'long'],
  ['Double', 'double'],
  ['Decimal128', 'decimal'],
  ['Binary', 'binData'],
  ['ObjectId', 'objectId'],
  ['Timestamp', 'timestamp'],
  ['BSONRegExp', 'regex'],
  ['MinKey', 'minKey'],
  ['MaxKey', 'maxKey'],
]);

/** The codes of `$type`. */
export const TYPE_CODES: ReadonlyMap<number, TypeName> = new Map([
  [1, 'double'],
  [2, 'string'],
  [3, 'object'],
  [4, 'array'],
  [5, 'binData'],
  [7, 'objectId'],
  [8, 'bool'],
  [9, 'date'],
  [10, 'null'],
  [11, 'regex'],
  [16, 'int'],
  [17, 'timestamp'],
  [18, 'long'],
  [19, 'decimal'],
  [-1, 'minKey'],
  [127, 'maxKey'],
]);

/** A number's digits, or the text of any other value that has one. */
export const textOf = (value: Value | undefined): string => (value as { toString(): string }).toString();
export const numberOf = (value: Value): number => Number(textOf(value));

export function typeOf(value: Value): TypeName {
  if (value === null) return 'null';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'string') return 'string';
  if (Array.isArray(value)) return 'array';
  if (value instanceof Date) return 'date';
  const tag = (value as { _bsontype?: unknown })._bsontype;
  if (typeof tag !== 'string') return 'object';
  const name = TAGS.get(tag);
  if (name === undefined) throw new NotModelled(tag);
  return name;
}

export const isDoc = (value: Value | undefined): value is Doc => value !== undefined && typeOf(value) === 'object';
export const isArray = (value: Value | undefined): value is readonly Value[] => Array.isArray(value);
export const isNumber = (value: Value | undefined): boolean =>
  value !== undefined && ['int', 'long', 'double', 'decimal'].includes(typeOf(value));

/** A field of the document's own; undefined where there is none. */
export const field = (document: Doc, name: string): Value | undefined =>
  Object.hasOwn(document, name) ? document[name] : undefined;

const RANKS: readonly (readonly TypeName[])[] = [
  ['minKey'],
  ['null'],
  ['int', 'long', 'double', 'decimal'],
  ['string'],
  ['object'],
  ['array'],
  ['binData'],
  ['objectId'],
  ['bool'],
  ['date'],
  ['timestamp'],
  ['regex'],
  ['maxKey'],
];
const RANK_OF = new Map(RANKS.flatMap((names, rank) => names.map((name) => [name, rank] as const)));

/** Where the value's type stands in the order of types; a missing value stands with null. */
export const rankOf = (value: Value | undefined): number => RANK_OF.get(typeOf(value ?? null))!;

/** A finite number as an exact fraction, or one of NaN and the infinities. */
type Exact = readonly [numerator: bigint, denominator: bigint] | number;

export function exactOf(value: Value): Exact {
  const text = textOf(value);
  if (typeOf(value) === 'int' || typeOf(value) === 'long') return [BigInt(text), 1n];
  if (/NaN|Inf/.test(text)) return Number(text.replace('inf', 'Inf'));
  if (typeOf(value) === 'decimal') return exactDecimal(text);
  let number = Number(text);
  let denominator = 1n;
  while (!Number.isInteger(number)) {
    number *= 2;
    denominator *= 2n;
  }
  return [BigInt(number), denominator];
}

function exactDecimal(text: string): Exact {
  const [mantissa = '', exponent = '0'] = text.split('E');
  const [whole = '', digits = ''] = mantissa.split('.');
  const power = Number(exponent) - digits.length;
  const coefficient = BigInt(whole + digits);
  return power >= 0 ? [coefficient * 10n ** BigInt(power), 1n] : [coefficient, 10n ** BigInt(-power)];
}

export const isNaNValue = (value: Value): boolean => isNumber(value) && Number.isNaN(exactOf(value));

function compareNumbers(a: Value, b: Value): number {
  const left = exactOf(a);
  const right = exactOf(b);
  if (typeof left === 'object' && typeof right === 'object') {
    return sign(left[0] * right[1], right[0] * left[1]);
  }
  // NaN is the least of all numbers.
  const plain = (exact: Exact): number => (typeof exact === 'object' ? 0 : exact);
  if (Number.isNaN(left) || Number.isNaN(right)) return Number(Number.isNaN(right)) - Number(Number.isNaN(left));
  return sign(plain(left), plain(right));
}

const sign = <T extends bigint | number | string>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0);

/** The order of all values, in which missing is null. */
export function compare(a: Value | undefined, b: Value | undefined): number {
  const [left, right] = [a ?? null, b ?? null];
  const byRank = rankOf(left) - rankOf(right);
  if (byRank !== 0) return byRank;
  switch (typeOf(left)) {
    case 'minKey':
    case 'maxKey':
    case 'null':
      return 0;
    case 'int':
    case 'long':
    case 'double':
    case 'decimal':
      return compareNumbers(left, right);
    case 'string':
      return Buffer.from(left as string).compare(Buffer.from(right as string));
    case 'object':
      return compareEntries(Object.entries(left as Doc), Object.entries(right as Doc));
    case 'array':
      return compareEntries(
        (left as Value[]).map((value) => ['', value]),
        (right as Value[]).map((value) => ['', value]),
      );
    case 'binData':
      return compareBinaries(left as Binary, right as Binary);
    case 'objectId':
      return sign((left as ObjectId).toHexString(), (right as ObjectId).toHexString());
    case 'bool':
      return Number(left) - Number(right);
    case 'date':
      return sign((left as Date).getTime(), (right as Date).getTime());
    case 'timestamp':
      return sign((left as Timestamp).toBigInt(), (right as Timestamp).toBigInt());
    case 'regex': {
      const [x, y] = [left as BSONRegExp, right as BSONRegExp];
      return sign(x.pattern, y.pattern) || sign(x.options, y.options);
    }
  }
}

function compareBinaries(a: Binary, b: Binary): number {
  return a.position - b.position || a.sub_type - b.sub_type || Buffer.from(a.value()).compare(Buffer.from(b.value()));
}

type Entries = readonly (readonly [name: string, value: Value])[];

function compareEntries(a: Entries, b: Entries): number {
  for (const [at, [name, value]] of a.entries()) {
    const other = b[at];
    if (other === undefined) return 1;
    const order =
      rankOf(value) - rankOf(other[1]) || Buffer.from(name).compare(Buffer.from(other[0])) || compare(value, other[1]);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

export const equal = (a: Value | undefined, b: Value | undefined): boolean => compare(a, b) === 0;

/** As `$exists` and projections understand a value. */
export const truth = (value: Value | undefined): boolean =>
  value !== undefined && value !== null && value !== false && !(isNumber(value) && numberOf(value) === 0);
