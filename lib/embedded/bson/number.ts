import { decimalFromDouble, decimalText, finiteDecimal, readDecimal, type Decimal } from './decimal.ts';
import { BsonType } from './types.ts';
import type { Value } from './value.ts';

/** A numeric value as JavaScript compares it exactly: `number` for int32 and double, `bigint` for unsafe int64. */
export type Numeric = number | bigint | Decimal;

const TWO_32 = 4294967296;

/** Int64 as a number where that is exact, else as a bigint; both compare exactly with doubles. */
export function readLong(octets: Buffer, start: number): number | bigint {
  const high = octets.readInt32LE(start + 4);
  // |high| < 2^21 keeps the whole within 53 bits.
  if (high >= -2097152 && high < 2097152) return high * TWO_32 + octets.readUInt32LE(start);
  return octets.readBigInt64LE(start);
}

export function numericOf(value: Value): Numeric {
  switch (value.type) {
    case BsonType.int:
      return value.octets.readInt32LE(value.start);
    case BsonType.double:
      return value.octets.readDoubleLE(value.start);
    case BsonType.long:
      return readLong(value.octets, value.start);
    default:
      return readDecimal(value.octets, value.start);
  }
}

export function isDecimal(value: Numeric): value is Decimal {
  return typeof value === 'object';
}

export function isNaNumber(value: Numeric): boolean {
  if (typeof value === 'number') return Number.isNaN(value);
  return typeof value === 'object' && value.kind === 'nan';
}

/** A finite double as `coefficient * 2^exponent`. */
function splitDouble(value: number): { coefficient: bigint; exponent: number } {
  if (Number.isInteger(value)) return { coefficient: BigInt(value), exponent: 0 };
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, value);
  const all = bits.getBigUint64(0);
  const biased = Number((all >> 52n) & 0x7ffn);
  const fraction = all & 0xfffffffffffffn;
  const magnitude = biased === 0 ? fraction : fraction | (1n << 52n);
  return { coefficient: value < 0 ? -magnitude : magnitude, exponent: (biased === 0 ? 1 : biased) - 1075 };
}

const sign = (value: bigint | number): number => (value < 0 ? -1 : value > 0 ? 1 : 0);

function compareDecimal(a: Decimal, b: Numeric): number {
  if (a.kind === 'nan') return isNaNumber(b) ? 0 : -1;
  if (isNaNumber(b)) return 1;
  if (a.kind === 'infinity') {
    const other = typeof b === 'object' ? (b.kind === 'infinity' ? (b.negative ? -1 : 1) : 0) : infinitySign(b);
    return (a.negative ? -1 : 1) - other;
  }
  if (typeof b === 'object') {
    if (b.kind === 'infinity') return b.negative ? 1 : -1;
    if (b.kind === 'nan') return 1;
    return compareScaled(a.coefficient, a.exponent, b.coefficient, b.exponent);
  }
  if (infinitySign(b) !== 0) return -infinitySign(b);
  const { coefficient, exponent } = typeof b === 'bigint' ? { coefficient: b, exponent: 0 } : splitDouble(b);
  if (exponent >= 0) return compareScaled(a.coefficient, a.exponent, coefficient << BigInt(exponent), 0);
  return compareScaled(a.coefficient << BigInt(-exponent), a.exponent, coefficient, 0);
}

function infinitySign(value: number | bigint): number {
  return value === Infinity ? 1 : value === -Infinity ? -1 : 0;
}

/** Compares `a * 10^ea` with `b * 10^eb`, looking at magnitudes first so that no huge power is built in vain. */
function compareScaled(a: bigint, ea: number, b: bigint, eb: number): number {
  if (sign(a) !== sign(b) || a === 0n) return sign(a) - sign(b);
  const digits = (value: bigint, exponent: number): number =>
    (value < 0n ? -value : value).toString().length + exponent;
  const byDigits = digits(a, ea) - digits(b, eb);
  if (byDigits !== 0) return sign(a) * sign(byDigits);
  const low = Math.min(ea, eb);
  return sign(a * 10n ** BigInt(ea - low) - b * 10n ** BigInt(eb - low));
}

/** MongoDB's order of numbers: exact across types, NaN below everything and equal to itself. */
export function compareNumeric(a: Numeric, b: Numeric): number {
  if (typeof a === 'object') return compareDecimal(a, b);
  if (typeof b === 'object') return -compareDecimal(b, a);
  if (a < b) return -1;
  if (a > b) return 1;
  // Neither: equal, or NaN is involved. Number and bigint are compared by value.
  // eslint-disable-next-line eqeqeq -- `===` would never hold between a number and a bigint
  if (a == b) return 0;
  return (isNaNumber(a) ? 0 : 1) - (isNaNumber(b) ? 0 : 1);
}

export function toDecimal(value: Numeric): Decimal {
  if (typeof value === 'object') return value;
  if (typeof value === 'bigint') return finiteDecimal(value, 0);
  return Number.isInteger(value) ? finiteDecimal(BigInt(value), 0) : decimalFromDouble(value);
}

/** The nearest double. */
export function toDouble(value: Numeric): number {
  return typeof value === 'object' ? Number(decimalText(value)) : Number(value);
}

/** Toward zero, as an integer of 64 bits; undefined for NaN, infinities and what does not fit. */
export function truncateToLong(value: Numeric): bigint | undefined {
  let result: bigint;
  if (typeof value === 'bigint') result = value;
  else if (typeof value === 'number') {
    if (!Number.isFinite(value)) return undefined;
    result = BigInt(Math.trunc(value));
  } else {
    if (value.kind !== 'finite') return undefined;
    if (value.exponent > 40) return undefined;
    const scale = 10n ** BigInt(Math.min(Math.abs(value.exponent), 6200));
    result = value.exponent >= 0 ? value.coefficient * scale : value.coefficient / scale;
  }
  return fitsLong(result) ? result : undefined;
}

export function fitsLong(value: bigint): boolean {
  return value >= -9223372036854775808n && value <= 9223372036854775807n;
}

export function fitsInt(value: number | bigint): boolean {
  return value >= -2147483648 && value <= 2147483647;
}
