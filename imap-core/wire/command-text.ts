/**
 * A command as it came: pieces of line (each octet one character, without line ends and without the `{n}` of
 * literals) and, between them, literals.
 */
export type CommandText = readonly (string | Buffer)[];

export interface LiteralHeader {
  /** Octets. */
  readonly size: number;
  /** The client waits for a continuation request (RFC 7888 tells the other kind). */
  readonly isSynchronising: boolean;
}

const HEADER = /\{(\d{1,15})(\+?)\}$/;

/** The literal that a line announces at its end, if any. */
export function literalHeaderOf(line: string): LiteralHeader | undefined {
  if (!line.endsWith('}')) return undefined;
  // The header is short: looking at the tail keeps the expression away from the whole line.
  const match = HEADER.exec(line.slice(-20));
  if (match === null) return undefined;
  return { size: Number(match[1]), isSynchronising: match[2] === '' };
}

/** The line without its literal header. */
export function withoutLiteralHeader(line: string): string {
  return line.slice(0, line.lastIndexOf('{'));
}

/** No client has longer tags, and none is answered. */
export const MAX_TAG_OCTETS = 64;
const TAG = /^([!#$&'\x2c-\x5b\x5d-z|}~]{1,64}) /;

/** The tag, or undefined where the line does not begin with one that an answer could carry. */
export function tagOf(line: string): string | undefined {
  // RFC 3501 tag: ASTRING-CHAR except "+"; that is any ATOM-CHAR or "]", of which "+" is taken out here.
  return TAG.exec(line.slice(0, MAX_TAG_OCTETS + 2))?.[1];
}
