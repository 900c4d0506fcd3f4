/** Type octets of BSON (bsonspec.org, version 1.1). */
export const BsonType = {
  double: 0x01,
  string: 0x02,
  object: 0x03,
  array: 0x04,
  binary: 0x05,
  undefined: 0x06,
  objectId: 0x07,
  boolean: 0x08,
  date: 0x09,
  null: 0x0a,
  regex: 0x0b,
  dbPointer: 0x0c,
  code: 0x0d,
  symbol: 0x0e,
  codeWithScope: 0x0f,
  int: 0x10,
  timestamp: 0x11,
  long: 0x12,
  decimal: 0x13,
  minKey: 0xff,
  maxKey: 0x7f,
} as const;

/** MongoDB's aliases, as `$type` takes and gives them. */
const TYPE_NAMES = new Map<number, string>([
  [BsonType.double, 'double'],
  [BsonType.string, 'string'],
  [BsonType.object, 'object'],
  [BsonType.array, 'array'],
  [BsonType.binary, 'binData'],
  [BsonType.undefined, 'undefined'],
  [BsonType.objectId, 'objectId'],
  [BsonType.boolean, 'bool'],
  [BsonType.date, 'date'],
  [BsonType.null, 'null'],
  [BsonType.regex, 'regex'],
  [BsonType.dbPointer, 'dbPointer'],
  [BsonType.code, 'javascript'],
  [BsonType.symbol, 'symbol'],
  [BsonType.codeWithScope, 'javascriptWithScope'],
  [BsonType.int, 'int'],
  [BsonType.timestamp, 'timestamp'],
  [BsonType.long, 'long'],
  [BsonType.decimal, 'decimal'],
  [BsonType.minKey, 'minKey'],
  [BsonType.maxKey, 'maxKey'],
]);

const TYPES_BY_NAME = new Map<string, number>([...TYPE_NAMES].map(([type, name]) => [name, type]));

export function typeName(type: number): string {
  return TYPE_NAMES.get(type) ?? `type ${type}`;
}

export function typeByName(name: string): number | undefined {
  return TYPES_BY_NAME.get(name);
}

export function isTypeCode(type: number): boolean {
  return TYPE_NAMES.has(type);
}

export function isNumeric(type: number): boolean {
  return type === BsonType.int || type === BsonType.double || type === BsonType.long || type === BsonType.decimal;
}

/**
 * Rank of a type in MongoDB's comparison order; types of one rank compare by value. The ranks double as
 * tags of index keys, so that keys sort as values do; they lie in 0x05 … 0xf0, which leaves 0x00 and 0xff
 * (and, in descending keys, their inverses) for terminators and bounds.
 */
export const Rank = {
  minKey: 0x05,
  undefined: 0x0a,
  null: 0x0f,
  number: 0x1e,
  string: 0x28,
  object: 0x32,
  array: 0x3c,
  binary: 0x46,
  objectId: 0x50,
  boolean: 0x5a,
  date: 0x64,
  timestamp: 0x6e,
  regex: 0x78,
  dbPointer: 0x82,
  code: 0x8c,
  codeWithScope: 0x96,
  maxKey: 0xf0,
} as const;

const RANKS = new Uint8Array(256);
RANKS[BsonType.minKey] = Rank.minKey;
RANKS[BsonType.undefined] = Rank.undefined;
RANKS[BsonType.null] = Rank.null;
RANKS[BsonType.int] = Rank.number;
RANKS[BsonType.long] = Rank.number;
RANKS[BsonType.double] = Rank.number;
RANKS[BsonType.decimal] = Rank.number;
RANKS[BsonType.string] = Rank.string;
RANKS[BsonType.symbol] = Rank.string;
RANKS[BsonType.object] = Rank.object;
RANKS[BsonType.array] = Rank.array;
RANKS[BsonType.binary] = Rank.binary;
RANKS[BsonType.objectId] = Rank.objectId;
RANKS[BsonType.boolean] = Rank.boolean;
RANKS[BsonType.date] = Rank.date;
RANKS[BsonType.timestamp] = Rank.timestamp;
RANKS[BsonType.regex] = Rank.regex;
RANKS[BsonType.dbPointer] = Rank.dbPointer;
RANKS[BsonType.code] = Rank.code;
RANKS[BsonType.codeWithScope] = Rank.codeWithScope;
RANKS[BsonType.maxKey] = Rank.maxKey;

export function rankOf(type: number): number {
  return RANKS[type & 0xff] as number;
}
