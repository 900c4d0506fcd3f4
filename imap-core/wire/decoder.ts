import { MAX_TAG_OCTETS, type CommandText } from './command-text.ts';
import { SyntaxFault } from './faults.ts';

const MAX_DEPTH = 50;
const MAX_NUMBER = 0xffffffff;

/** Characters by class (RFC 3501 section 9); `other` are the specials, controls and 8-bit octets. */
const ATOM_CHAR = 1;
const RESP_SPECIALS = 2;
const LIST_WILDCARDS = 4;
const CLASSES = new Uint8Array(256);
for (let code = 0x21; code <= 0x7e; code += 1) CLASSES[code] = ATOM_CHAR;
for (const special of '(){"\\') CLASSES[special.charCodeAt(0)] = 0;
CLASSES[']'.charCodeAt(0)] = RESP_SPECIALS;
for (const wildcard of '%*') CLASSES[wildcard.charCodeAt(0)] = LIST_WILDCARDS;

const DOTTED: ReadonlySet<number> = new Set(
  Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.'),
);

/**
 * Reads a command's arguments one after another; methods are named after the grammar. Everything a method throws
 * is a SyntaxFault. Text has one character for each octet.
 */
export class Decoder {
  readonly #text: CommandText;
  #piece = 0;
  #line: string;
  #position = 0;
  #depth = 0;

  constructor(text: CommandText) {
    this.#text = text;
    const first = text[0];
    this.#line = typeof first === 'string' ? first : '';
  }

  /** True at the end of the command, or where a streamed literal begins. */
  get isAtEnd(): boolean {
    return this.#position >= this.#line.length && this.#piece + 1 >= this.#text.length;
  }

  /** Octets taken of the current line; to measure what was read in between. */
  get consumed(): number {
    return this.#position;
  }

  expectEnd(): void {
    if (!this.isAtEnd) throw new SyntaxFault('Unexpected arguments');
  }

  /** The next character, '' where the line or the command ends. */
  peek(): string {
    return this.#line.charAt(this.#position);
  }

  /** Takes the character if it is next. */
  take(character: string): boolean {
    if (this.peek() !== character) return false;
    this.#position += 1;
    return true;
  }

  expect(character: string): void {
    if (!this.take(character)) throw new SyntaxFault(`Expected ${character === ' ' ? 'a space' : `"${character}"`}`);
  }

  space(): void {
    this.expect(' ');
  }

  atom(): string {
    return this.#run(ATOM_CHAR, 'an atom');
  }

  /** An atom in upper case: command names, keywords of the grammar. */
  word(): string {
    return this.atom().toUpperCase();
  }

  /** Letters, digits and full stops in upper case: names that `[` or `<` may follow without a space. */
  dottedWord(): string {
    const from = this.#position;
    while (DOTTED.has(this.#line.charCodeAt(this.#position))) this.#position += 1;
    if (this.#position === from) throw new SyntaxFault('Expected a name');
    return this.#line.slice(from, this.#position).toUpperCase();
  }

  tag(): string {
    const tag = this.#run(ATOM_CHAR | RESP_SPECIALS, 'a tag');
    // What no answer could carry must not be carried out either.
    if (tag.includes('+') || tag.length > MAX_TAG_OCTETS) throw new SyntaxFault('Invalid tag');
    return tag;
  }

  /** Takes the word if it is next and complete, whatever its case. */
  takeWord(word: string): boolean {
    const end = this.#position + word.length;
    if (this.#line.slice(this.#position, end).toUpperCase() !== word) return false;
    if (end < this.#line.length && (CLASSES[this.#line.charCodeAt(end)] ?? 0) === ATOM_CHAR) return false;
    this.#position = end;
    return true;
  }

  /** 32 bits (RFC 3501 section 9). */
  number(): number {
    return this.#number(MAX_NUMBER);
  }

  nzNumber(): number {
    const value = this.number();
    if (value === 0) throw new SyntaxFault('Expected a number above zero');
    return value;
  }

  /** 63 bits (RFC 7162 section 7); above 2^53 it is as good as infinite. */
  modSeq(): number {
    return this.#number(Number.MAX_SAFE_INTEGER, 19);
  }

  astring(): string {
    const next = this.peek();
    if (next === '"' || next === '') return this.string();
    return this.#run(ATOM_CHAR | RESP_SPECIALS, 'a string');
  }

  /** list-mailbox: an atom that may hold wildcards, or a string. */
  listMailbox(): string {
    const next = this.peek();
    if (next === '"' || next === '') return this.string();
    return this.#run(ATOM_CHAR | RESP_SPECIALS | LIST_WILDCARDS, 'a mailbox pattern');
  }

  nstring(): string | undefined {
    return this.takeWord('NIL') ? undefined : this.string();
  }

  string(): string {
    if (this.peek() === '"') return this.#quoted();
    const octets = this.#literal();
    if (octets === undefined) throw new SyntaxFault('Expected a string');
    if (octets.includes(0)) throw new SyntaxFault('Literals may not hold NUL');
    return octets.toString('latin1');
  }

  /** `(` item SP item … `)`, where it may be empty. */
  list(readItem: () => void): void {
    this.openList();
    if (this.takeClosing()) return;
    for (;;) {
      readItem();
      if (this.takeClosing()) return;
      this.space();
    }
  }

  openList(): void {
    this.expect('(');
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw new SyntaxFault('Nested too deeply');
  }

  takeClosing(): boolean {
    if (!this.take(')')) return false;
    this.#depth -= 1;
    return true;
  }

  #quoted(): string {
    this.expect('"');
    let text = '';
    let from = this.#position;
    for (;;) {
      const code = this.#line.charCodeAt(this.#position);
      if (code === 0x22) break;
      if (Number.isNaN(code) || code === 0 || code === 0x0d) throw new SyntaxFault('Quoted string without an end');
      if (code === 0x5c) {
        text += this.#line.slice(from, this.#position);
        const escaped = this.#line.charAt(this.#position + 1);
        if (escaped !== '"' && escaped !== '\\') throw new SyntaxFault('Invalid escape in a quoted string');
        from = this.#position + 1;
        this.#position += 1;
      }
      this.#position += 1;
    }
    text += this.#line.slice(from, this.#position);
    this.#position += 1;
    return text;
  }

  /** The literal that stands here, if one does. */
  #literal(): Buffer | undefined {
    if (this.#position < this.#line.length) return undefined;
    const octets = this.#text[this.#piece + 1];
    if (octets === undefined || typeof octets === 'string') return undefined;
    const line = this.#text[this.#piece + 2];
    this.#piece += 2;
    this.#line = typeof line === 'string' ? line : '';
    this.#position = 0;
    return octets;
  }

  #run(classes: number, what: string): string {
    const from = this.#position;
    while (((CLASSES[this.#line.charCodeAt(this.#position)] ?? 0) & classes) !== 0) this.#position += 1;
    if (this.#position === from) throw new SyntaxFault(`Expected ${what}`);
    return this.#line.slice(from, this.#position);
  }

  #number(max: number, maxDigits = 10): number {
    const from = this.#position;
    for (let code = this.#line.charCodeAt(from); code >= 0x30 && code <= 0x39;) {
      this.#position += 1;
      code = this.#line.charCodeAt(this.#position);
    }
    const digits = this.#line.slice(from, this.#position);
    if (digits === '') throw new SyntaxFault('Expected a number');
    const value = digits.length > maxDigits ? Infinity : Number(digits);
    if (value > max && (maxDigits === 10 || digits.length > maxDigits)) throw new SyntaxFault('Number too large');
    return Math.min(value, max);
  }
}
