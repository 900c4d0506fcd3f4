import type { ParameterisedValue } from './scanner.ts';

/**
 * Reads `value; name=value; …` (RFC 2045 section 5.1) from an unfolded latin1 text, in one pass. Tolerates what mail in
 * the wild holds: comments anywhere, empty and broken parameters (passed over), unquoted values with specials, a
 * quoted string without end. The first of duplicate names counts.
 *
 * RFC 2231 segments (`name*0`, `name*1*`) are joined in the order of their numbers under `name`; where any is extended,
 * under `name*`, as one extended value (`charset'language'percent-encoded`), so that nothing is lost.
 * @param maxParameters how many are read, segments counted one by one; the rest is passed over
 */
export function readParameterisedValue(text: string, maxParameters: number): ParameterisedValue {
  const reader = new ParameterReader(text);
  const value = reader.readValue().toLowerCase();
  const raw: [string, string][] = [];
  while (raw.length < maxParameters) {
    const parameter = reader.readParameter();
    if (parameter === undefined) break;
    if (parameter[0] !== '') raw.push(parameter);
  }
  return { value, parameters: joinSegments(raw) };
}

/** Moves through one value; every character is passed once. */
class ParameterReader {
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Up to the first blank or semicolon; blanks round a slash are dropped (`text / plain`). */
  readValue(): string {
    let value = '';
    // A type, a slash and a subtype at most.
    for (let tokens = 0; tokens < 3; tokens += 1) {
      this.#skipBlanksAndComments();
      value += this.#readToken(';(');
      this.#skipBlanksAndComments();
      if (!value.endsWith('/') && this.#text[this.#position] !== '/') break;
    }
    return value;
  }

  /** The next parameter, name in lower case ('' for a broken one); undefined at the end. */
  readParameter(): [string, string] | undefined {
    while (this.#position < this.#text.length) {
      this.#skipBlanksAndComments();
      if (this.#text[this.#position] !== ';') break;
      this.#position += 1;
    }
    if (this.#position >= this.#text.length) return undefined;
    const name = this.#readToken(';="').toLowerCase();
    this.#skipBlanksAndComments();
    if (this.#text[this.#position] !== '=') {
      // No value: pass over one character where nothing else moved, so that the reader always gets on.
      if (name === '') this.#position += 1;
      return ['', ''];
    }
    this.#position += 1;
    this.#skipBlanksAndComments();
    return [name, this.#text[this.#position] === '"' ? this.#readQuoted() : this.#readToken(';')];
  }

  /** Up to a blank or one of the stops; a parenthesis opens a comment only after a blank, or it is part of the token. */
  #readToken(stops: string): string {
    const start = this.#position;
    while (this.#position < this.#text.length) {
      const character = this.#text.charAt(this.#position);
      if (character <= ' ' || stops.includes(character)) break;
      this.#position += 1;
    }
    return this.#text.slice(start, this.#position);
  }

  #readQuoted(): string {
    const pieces: string[] = [];
    let start = this.#position + 1;
    let position = start;
    while (position < this.#text.length && this.#text[position] !== '"') {
      if (this.#text[position] === '\\' && position + 1 < this.#text.length) {
        pieces.push(this.#text.slice(start, position));
        start = position + 1;
        position += 1;
      }
      position += 1;
    }
    pieces.push(this.#text.slice(start, position));
    this.#position = position + 1;
    return pieces.join('');
  }

  #skipBlanksAndComments(): void {
    let depth = 0;
    for (; this.#position < this.#text.length; this.#position += 1) {
      const character = this.#text.charAt(this.#position);
      if (character === '(') depth += 1;
      else if (depth > 0 && character === ')') depth -= 1;
      else if (depth > 0 && character === '\\') this.#position += 1;
      else if (depth === 0 && character > ' ') return;
    }
  }
}

interface Segment {
  readonly number: number;
  readonly isExtended: boolean;
  readonly value: string;
}

/** `filename*0*` → name, number and whether it is extended (RFC 2231 section 4.1); number -1 without one. */
const SEGMENT_NAME = /^([^*]+)(?:\*(\d{1,3}))?(\*)?$/;

function joinSegments(raw: readonly [string, string][]): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  const segmented = new Map<string, Segment[]>();
  for (const [name, value] of raw) {
    const match = SEGMENT_NAME.exec(name);
    const base = match?.[1];
    if (base === undefined || match?.[2] === undefined) {
      if (!parameters.has(name)) parameters.set(name, value);
      continue;
    }
    const segment = { number: Number(match[2]), isExtended: match[3] === '*', value };
    const segments = segmented.get(base);
    if (segments === undefined) segmented.set(base, [segment]);
    else segments.push(segment);
  }
  for (const [base, segments] of segmented) {
    const [name, value] = joined(base, segments);
    if (!parameters.has(name)) parameters.set(name, value);
  }
  return parameters;
}

function joined(base: string, segments: Segment[]): [string, string] {
  segments.sort((a, b) => a.number - b.number);
  if (!segments.some((segment) => segment.isExtended)) {
    return [base, segments.map((segment) => segment.value).join('')];
  }
  const encoded = segments.map((segment) => (segment.isExtended ? segment.value : percentEncoded(segment.value)));
  // Only the first segment may carry charset and language; where it does not, both are empty.
  if (segments[0]?.isExtended !== true) encoded.unshift("''");
  return [`${base}*`, encoded.join('')];
}

function percentEncoded(text: string): string {
  return text.replace(
    /[^\w!#$&+\-.^`{|}~]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}
