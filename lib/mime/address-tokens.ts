/** A piece of an address list. */
export interface AddressToken {
  /** `special` is one of `<>@,;:`; a quoted string comes unquoted, a comment without its parentheses. */
  readonly kind: 'atom' | 'quoted' | 'special' | 'comment';
  readonly text: string;
  readonly isAfterBlank: boolean;
}

const SPECIALS = '<>@,;:';
const ATOM = /[^\s<>@,;:"()[]+/y;
const BLANKS = /\s+/y;
/** What a quoted string and a comment hold between the characters that mean something. */
const QUOTED_RUN = /[^"\\]+/y;
const COMMENT_RUN = /[^()\\]+/y;
/** Encoded words with specials in them are against RFC 2047 section 5, and common. */
const ENCODED_WORD = /=\?[^?\s]+\?[BbQq]\?[^?\s]*\?=/y;

/** Parts an address list into tokens; every character is passed once. */
export class AddressTokens {
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** @returns undefined at the end */
  next(): AddressToken | undefined {
    const isAfterBlank = this.#run(BLANKS) !== '';
    if (this.#position >= this.#text.length) return undefined;
    const character = this.#text.charAt(this.#position);
    if (character === '"') return { kind: 'quoted', text: this.#readQuoted(), isAfterBlank };
    if (character === '(') return { kind: 'comment', text: this.#readComment(), isAfterBlank };
    if (character === '[') return { kind: 'atom', text: this.#readDomainLiteral(), isAfterBlank };
    const word = character === '=' ? this.#run(ENCODED_WORD) : '';
    if (word !== '') return { kind: 'atom', text: word, isAfterBlank };
    if (SPECIALS.includes(character) || character === ')') {
      this.#position += 1;
      // A parenthesis that closes nothing is a character like any other.
      return { kind: character === ')' ? 'atom' : 'special', text: character, isAfterBlank };
    }
    return { kind: 'atom', text: this.#run(ATOM), isAfterBlank };
  }

  #run(pattern: RegExp): string {
    pattern.lastIndex = this.#position;
    const text = pattern.exec(this.#text)?.[0] ?? '';
    this.#position += text.length;
    return text;
  }

  #readQuoted(): string {
    const pieces: string[] = [];
    this.#position += 1;
    while (this.#position < this.#text.length) {
      const run = this.#run(QUOTED_RUN);
      if (run !== '') {
        pieces.push(run);
        continue;
      }
      const isQuote = this.#text[this.#position] === '"';
      this.#position += 1;
      if (isQuote) break;
      pieces.push(this.#text.charAt(this.#position));
      this.#position += 1;
    }
    return pieces.join('');
  }

  /** Comments nest; the depth is a number. Escapes are undone, the parentheses of inner comments stay. */
  #readComment(): string {
    const pieces: string[] = [];
    let depth = 1;
    this.#position += 1;
    while (this.#position < this.#text.length) {
      const run = this.#run(COMMENT_RUN);
      if (run !== '') {
        pieces.push(run);
        continue;
      }
      const character = this.#text.charAt(this.#position);
      this.#position += 1;
      if (character === '\\') {
        pieces.push(this.#text.charAt(this.#position));
        this.#position += 1;
        continue;
      }
      depth += character === '(' ? 1 : -1;
      if (depth === 0) break;
      pieces.push(character);
    }
    return pieces.join('').trim();
  }

  /** Up to its bracket; to the next separator where there is none. */
  #readDomainLiteral(): string {
    const start = this.#position;
    const end = /[\]<>,;]/g;
    end.lastIndex = start + 1;
    const found = end.exec(this.#text);
    if (found === null) this.#position = this.#text.length;
    else this.#position = found[0] === ']' ? found.index + 1 : found.index;
    return this.#text.slice(start, this.#position);
  }
}
