/** A value of IMAP's grammar: a string (latin1), NIL, a number, or a list. */
export type ImapValue = string | number | null | readonly ImapValue[];

/**
 * Reads one parenthesised value strictly (RFC 3501 section 9): single spaces between elements, none between bodies;
 * quoted strings without controls and 8-bit octets; literals of exactly the octets announced.
 * @throws Error where the octets are not in the grammar
 */
export function readImapValue(octets: Buffer): ImapValue {
  const reader = new ValueReader(octets.toString('latin1'));
  const value = reader.read();
  reader.expectEnd();
  return value;
}

class ValueReader {
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  expectEnd(): void {
    if (this.#position !== this.#text.length) throw this.#error('end');
  }

  read(): ImapValue {
    const next = this.#text[this.#position];
    if (next === '(') return this.#readList();
    if (next === '"') return this.#readQuoted();
    if (next === '{') return this.#readLiteral();
    const word = /(?:NIL|\d+)/y;
    word.lastIndex = this.#position;
    const match = word.exec(this.#text);
    if (match === null) throw this.#error('value');
    this.#position = word.lastIndex;
    return match[0] === 'NIL' ? null : Number(match[0]);
  }

  #readList(): ImapValue[] {
    const values: ImapValue[] = [];
    this.#position += 1;
    for (;;) {
      values.push(this.read());
      const next = this.#text[this.#position];
      if (next === ')') break;
      // Bodies of a multipart and addresses of a list stand without spaces.
      if (next === '(' && Array.isArray(values.at(-1))) continue;
      if (next !== ' ') throw this.#error('space');
      this.#position += 1;
    }
    this.#position += 1;
    return values;
  }

  #readQuoted(): string {
    const quoted = /"((?:[\x01-\x09\x0b\x0c\x0e-\x21\x23-\x5b\x5d-\x7f]|\\["\\])*)"/y;
    quoted.lastIndex = this.#position;
    const match = quoted.exec(this.#text);
    if (match === null) throw this.#error('quoted string');
    this.#position = quoted.lastIndex;
    return (match[1] ?? '').replace(/\\(.)/g, '$1');
  }

  #readLiteral(): string {
    const header = /\{(\d+)\}\r\n/y;
    header.lastIndex = this.#position;
    const match = header.exec(this.#text);
    if (match === null) throw this.#error('literal');
    const start = header.lastIndex;
    this.#position = start + Number(match[1]);
    const text = this.#text.slice(start, this.#position);
    if (text.length !== Number(match[1]) || text.includes('\0')) throw this.#error('octets of a literal');
    return text;
  }

  #error(wanted: string): Error {
    return new Error(`no ${wanted} at ${this.#position}: ${this.#text.slice(this.#position, this.#position + 40)}`);
  }
}
