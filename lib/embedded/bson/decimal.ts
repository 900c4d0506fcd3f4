/**
 * IEEE 754-2008 decimal128 as BSON stores it (binary integer decimal): finite numbers are
 * `coefficient * 10^exponent`, the coefficient signed here.
 */
export type Decimal =
  | { readonly kind: 'finite'; readonly coefficient: bigint; readonly exponent: number; readonly negative: boolean }
  | { readonly kind: 'nan' }
  | { readonly kind: 'infinity'; readonly negative: boolean };

const BIAS = 6176;
const DIGITS = 34;
const LARGEST = 10n ** 34n - 1n;
const MASK_113 = (1n << 113n) - 1n;

export function finiteDecimal(coefficient: bigint, exponent: number): Decimal {
  return { kind: 'finite', coefficient, exponent, negative: coefficient < 0n };
}

export function readDecimal(octets: Buffer, start: number): Decimal {
  const low = octets.readBigUInt64LE(start);
  const high = octets.readBigUInt64LE(start + 8);
  const negative = high >> 63n === 1n;
  const combination = Number((high >> 58n) & 0x1fn);
  if (combination === 0x1f) return { kind: 'nan' };
  if (combination === 0x1e) return { kind: 'infinity', negative };
  if (combination >= 0x18) {
    // The second form's coefficient always exceeds 34 digits, which the standard reads as zero.
    return { kind: 'finite', coefficient: 0n, exponent: Number((high >> 47n) & 0x3fffn) - BIAS, negative };
  }
  const exponent = Number((high >> 49n) & 0x3fffn) - BIAS;
  const magnitude = ((high << 64n) | low) & MASK_113;
  const coefficient = magnitude > LARGEST ? 0n : magnitude;
  return { kind: 'finite', coefficient: negative ? -coefficient : coefficient, exponent, negative };
}

export function writeDecimal(decimal: Decimal): Buffer {
  const octets = Buffer.alloc(16);
  if (decimal.kind === 'nan') {
    octets[15] = 0x7c;
    return octets;
  }
  if (decimal.kind === 'infinity') {
    octets[15] = decimal.negative ? 0xf8 : 0x78;
    return octets;
  }
  const magnitude = decimal.coefficient < 0n ? -decimal.coefficient : decimal.coefficient;
  const sign = decimal.negative ? 1n << 127n : 0n;
  const all = sign | (BigInt(decimal.exponent + BIAS) << 113n) | magnitude;
  octets.writeBigUInt64LE(all & 0xffffffffffffffffn, 0);
  octets.writeBigUInt64LE(all >> 64n, 8);
  return octets;
}

/** Rounds to 34 digits, ties to even; beyond the exponent's range the result is infinite or zero. */
function rounded(coefficient: bigint, exponent: number): Decimal {
  const negative = coefficient < 0n;
  let magnitude = negative ? -coefficient : coefficient;
  let shifted = exponent;
  const excess = Math.max(magnitude.toString().length - DIGITS, -BIAS - shifted);
  if (excess > 0) {
    const unit = 10n ** BigInt(excess);
    const rest = magnitude % unit;
    magnitude /= unit;
    shifted += excess;
    if (rest * 2n > unit || (rest * 2n === unit && magnitude % 2n === 1n)) magnitude += 1n;
    if (magnitude > LARGEST) {
      magnitude /= 10n;
      shifted += 1;
    }
  }
  if (shifted > 6111) {
    // Large exponents may fold into trailing zeroes of the coefficient.
    const fold = shifted - 6111;
    if (magnitude.toString().length + fold > DIGITS) return { kind: 'infinity', negative };
    magnitude *= 10n ** BigInt(fold);
    shifted = 6111;
  }
  return { kind: 'finite', coefficient: negative ? -magnitude : magnitude, exponent: shifted, negative };
}

export function addDecimals(a: Decimal, b: Decimal): Decimal {
  if (a.kind === 'nan' || b.kind === 'nan') return { kind: 'nan' };
  if (a.kind === 'infinity') return b.kind === 'infinity' && a.negative !== b.negative ? { kind: 'nan' } : a;
  if (b.kind === 'infinity') return b;
  // Far apart, the smaller operand only decides rounding: keep the exact sum within bounds.
  const exponent = Math.min(a.exponent, b.exponent);
  const scaled = (d: { coefficient: bigint; exponent: number }): bigint =>
    d.coefficient * 10n ** BigInt(d.exponent - exponent);
  return rounded(scaled(a) + scaled(b), exponent);
}

export function multiplyDecimals(a: Decimal, b: Decimal): Decimal {
  if (a.kind === 'nan' || b.kind === 'nan') return { kind: 'nan' };
  const isZero = (d: Decimal): boolean => d.kind === 'finite' && d.coefficient === 0n;
  if (a.kind === 'infinity' || b.kind === 'infinity') {
    return isZero(a) || isZero(b) ? { kind: 'nan' } : { kind: 'infinity', negative: a.negative !== b.negative };
  }
  return rounded(a.coefficient * b.coefficient, a.exponent + b.exponent);
}

/** Text such as `12.50`, `1E+20`, `NaN`, as a decimal; undefined where it is none. */
function parseDecimal(text: string): Decimal | undefined {
  if (/^[+-]?nan$/i.test(text)) return { kind: 'nan' };
  const infinite = /^([+-]?)inf(inity)?$/i.exec(text);
  if (infinite) return { kind: 'infinity', negative: infinite[1] === '-' };
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d{1,6}))?$/i.exec(text);
  if (!match) return undefined;
  const whole = match[2] ?? '';
  const fraction = match[3] ?? '';
  if (whole === '' && fraction === '') return undefined;
  const coefficient = BigInt(whole + fraction);
  return rounded(match[1] === '-' ? -coefficient : coefficient, Number(match[4] ?? 0) - fraction.length);
}

/** A double as MongoDB converts it: 15 significant digits. */
export function decimalFromDouble(value: number): Decimal {
  if (Number.isNaN(value)) return { kind: 'nan' };
  if (!Number.isFinite(value)) return { kind: 'infinity', negative: value < 0 };
  return parseDecimal(value.toPrecision(15)) ?? { kind: 'nan' };
}

/** The scientific text of the decimal128 specification. */
export function decimalText(decimal: Decimal): string {
  if (decimal.kind === 'nan') return 'NaN';
  const sign = decimal.negative ? '-' : '';
  if (decimal.kind === 'infinity') return `${sign}Infinity`;
  const digits = (decimal.coefficient < 0n ? -decimal.coefficient : decimal.coefficient).toString();
  const scientific = decimal.exponent + digits.length - 1;
  if (decimal.exponent > 0 || scientific < -6) {
    const mantissa = digits.length > 1 ? `${digits.slice(0, 1)}.${digits.slice(1)}` : digits;
    return `${sign}${mantissa}E${scientific < 0 ? '' : '+'}${scientific}`;
  }
  if (decimal.exponent === 0) return sign + digits;
  const point = digits.length + decimal.exponent;
  if (point > 0) return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
  return `${sign}0.${'0'.repeat(-point)}${digits}`;
}
