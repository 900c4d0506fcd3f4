import type { MimeLimits } from './scanner.ts';

const LF = 10;
const CR = 13;
const SPACE = 32;
const TAB = 9;
const COLON = 58;

/** One field of a header block. Offsets are octets from the start of the block. */
export interface HeaderField {
  /** Lower case. */
  readonly name: string;
  /** What follows the colon, folds included, without the last line end; a view into the block. */
  readonly value: Buffer;
  readonly start: number;
  /** One past the line end of the field's last line. */
  readonly end: number;
}

export interface HeaderFields {
  /** In their order of appearance, duplicates kept. */
  readonly fields: readonly HeaderField[];
  /** True where the limits left something out. */
  readonly isTruncated: boolean;
}

type HeaderLimits = Pick<MimeLimits, 'headerOctets' | 'fieldOctets' | 'fields'>;

/**
 * Reads a header block (RFC 5322 section 2.2), with or without the empty line at its end. CRLF and bare LF both end
 * lines, a bare CR does not. Lines that are no field are passed over; continuation lines go with the field before.
 * Fields over `fieldOctets`, and what lies past `fields` or `headerOctets`, are left out.
 */
export function readHeaderFields(block: Buffer, limits: HeaderLimits): HeaderFields {
  const fields: HeaderField[] = [];
  const length = Math.min(block.length, limits.headerOctets);
  let isTruncated = block.length > length;
  let position = 0;
  while (position < length) {
    const start = position;
    position = lineEnd(block, position, length);
    if (isEmptyLine(block, start, position)) break;
    while (position < length && isBlank(block[position])) position = lineEnd(block, position, length);
    const nameEnd = fieldNameEnd(block, start, position);
    if (nameEnd < 0) continue;
    if (position - start > limits.fieldOctets) {
      isTruncated = true;
      continue;
    }
    if (fields.length >= limits.fields) {
      isTruncated = true;
      break;
    }
    fields.push(fieldAt(block, start, nameEnd, position));
  }
  return { fields, isTruncated };
}

function fieldAt(block: Buffer, start: number, nameEnd: number, end: number): HeaderField {
  const colon = block.indexOf(COLON, nameEnd);
  return {
    name: block.toString('latin1', start, nameEnd).toLowerCase(),
    value: block.subarray(colon + 1, withoutLineEnd(block, colon + 1, end)),
    start,
    end,
  };
}

/**
 * One past the field's name, or -1 where the line is no field. Blanks before the colon are the obsolete form
 * (RFC 5322 section 4.5); octets above 126 are no part of a name, save UTF-8 in the wild, which is let through.
 */
function fieldNameEnd(block: Buffer, start: number, end: number): number {
  let position = start;
  while (position < end) {
    const octet = block[position] ?? 0;
    if (octet <= SPACE || octet === COLON) break;
    position += 1;
  }
  if (position === start) return -1;
  const nameEnd = position;
  while (position < end && isBlank(block[position])) position += 1;
  return block[position] === COLON && position < end ? nameEnd : -1;
}

/** One past the LF at or after the position; `length` where there is none. */
function lineEnd(block: Buffer, position: number, length: number): number {
  const lf = block.indexOf(LF, position);
  return lf < 0 || lf >= length ? length : lf + 1;
}

function isEmptyLine(block: Buffer, start: number, end: number): boolean {
  if (end - start === 1) return block[start] === LF;
  return end - start === 2 && block[start] === CR && block[start + 1] === LF;
}

function withoutLineEnd(block: Buffer, start: number, end: number): number {
  if (end <= start || block[end - 1] !== LF) return end;
  return end - 2 >= start && block[end - 2] === CR ? end - 2 : end - 1;
}

function isBlank(octet: number | undefined): boolean {
  return octet === SPACE || octet === TAB;
}

/**
 * A field's value as one line, trimmed: line ends before blanks vanish (RFC 5322 section 2.2.3), each octet is one
 * character (latin1), so that nothing is lost.
 */
export function unfold(value: Buffer): string {
  const text = value.toString('latin1');
  return (text.includes('\n') ? text.replaceAll('\r\n', '').replaceAll('\n', '') : text).trim();
}

/** The first field of that name (lower case), as most readers take it; undefined where there is none. */
export function firstField(header: HeaderFields, name: string): HeaderField | undefined {
  return header.fields.find((field) => field.name === name);
}
