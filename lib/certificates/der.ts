/** As much of DER (X.690) as a certificate needs: each function gives one encoded value. */

const Tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** A value under any tag, its length in the shortest form (X.690 section 10.1). */
export function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content]);
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return Buffer.concat([Buffer.from([tag, 0x80 | octets.length, ...octets]), content]);
}

export function sequence(...items: readonly Buffer[]): Buffer {
  return tagged(Tag.sequence, Buffer.concat(items));
}

export function setOf(item: Buffer): Buffer {
  return tagged(Tag.set, item);
}

/** A non-negative number given as octets, most significant first. */
export function integer(octets: Buffer): Buffer {
  let from = 0;
  while (from < octets.length - 1 && octets[from] === 0) from += 1;
  const shortest = octets.subarray(from);
  const isNegative = ((shortest[0] ?? 0) & 0x80) !== 0;
  return tagged(Tag.integer, isNegative ? Buffer.concat([Buffer.from([0]), shortest]) : shortest);
}

/** @param unusedBits of the last octet */
export function bitString(octets: Buffer, unusedBits = 0): Buffer {
  return tagged(Tag.bitString, Buffer.concat([Buffer.from([unusedBits]), octets]));
}

export function octetString(octets: Buffer): Buffer {
  return tagged(Tag.octetString, octets);
}

export function boolean(value: boolean): Buffer {
  return tagged(Tag.boolean, Buffer.from([value ? 0xff : 0]));
}

export function utf8String(text: string): Buffer {
  return tagged(Tag.utf8String, Buffer.from(text, 'utf8'));
}

/** @param dotted e.g. `2.5.29.17` */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const octets = [first * 40 + second, ...rest].flatMap(base128);
  return tagged(Tag.objectIdentifier, Buffer.from(octets));
}

function base128(value: number): number[] {
  const octets = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) octets.unshift((rest % 128) | 0x80);
  return octets;
}

/** UTCTime through 2049, GeneralizedTime from then on (RFC 5280 section 4.1.2.5). */
export function time(at: number): Buffer {
  const digits = new Date(at)
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replace(/[-:T]/g, '');
  return digits < '2050'
    ? tagged(Tag.utcTime, Buffer.from(digits.slice(2), 'latin1'))
    : tagged(Tag.generalizedTime, Buffer.from(digits, 'latin1'));
}
