import { Tokenizer } from 'htmlparser2';

/** HTML read at most; what follows is left out. */
const MAX_HTML_CHARACTERS = 2 * 1024 * 1024;

/** Elements whose content is no text for a reader. */
const SILENT = new Set(['script', 'style', 'head', 'title', 'template']);
/** What may stand in a head; anything else ends it, closed or not. */
const HEAD_CONTENT = new Set(
  'base basefont bgsound link meta title noscript noframes style script template'.split(' '),
);
const BLOCKS = new Set(
  (
    'address article aside blockquote body center dd details dialog dir div dl dt fieldset figcaption figure footer form ' +
    'h1 h2 h3 h4 h5 h6 header hr html legend li main menu nav ol p pre section summary table tbody tfoot thead tr ul'
  ).split(' '),
);
const CELLS = new Set(['td', 'th']);

/**
 * What a reader sees of an HTML body, as plain text: blocks on lines of their own, blanks run together, scripts and
 * styles left out. A tokeniser drives it, not a tree: time is linear and no nesting is deep. Not meant for display as
 * HTML, and nothing in it is safe for that.
 */
export function htmlToText(html: string): string {
  const source = html.slice(0, MAX_HTML_CHARACTERS);
  const text = new TextBuilder();
  const nameAt = (start: number, end: number): string => source.slice(start, Math.min(end, start + 16)).toLowerCase();
  const ignore = (): void => undefined;
  const tokenizer = new Tokenizer(
    { decodeEntities: true },
    {
      ontext: (start, end) => text.add(source.slice(start, end)),
      ontextentity: (codepoint) => text.add(characterOf(codepoint)),
      onopentagname: (start, end) => text.open(nameAt(start, end)),
      onclosetag: (start, end) => text.close(nameAt(start, end)),
      // A comment by another name in HTML.
      oncdata: ignore,
      onattribdata: ignore,
      onattribentity: ignore,
      onattribend: ignore,
      onattribname: ignore,
      oncomment: ignore,
      ondeclaration: ignore,
      onend: ignore,
      onopentagend: ignore,
      onprocessinginstruction: ignore,
      onselfclosingtag: ignore,
    },
  );
  tokenizer.write(source);
  tokenizer.end();
  return text.finish();
}

function characterOf(codepoint: number): string {
  return codepoint >= 0 && codepoint <= 0x10ffff ? String.fromCodePoint(codepoint) : '\ufffd';
}

class TextBuilder {
  readonly #pieces: string[] = [];
  /** What stands before the next word: nothing yet, a blank, a line end. */
  #gap: '' | ' ' | '\n' = '';
  /** The silent element that is open; of one name at a time, so that nesting needs no stack. */
  #silent = '';

  add(text: string): void {
    if (this.#silent !== '') return;
    const words = text.split(/[\s\u200b\ufeff]+/);
    words.forEach((word, index) => {
      if (index > 0 && this.#gap === '') this.#gap = ' ';
      if (word === '') return;
      this.#pieces.push(this.#pieces.length === 0 ? '' : this.#gap, word);
      this.#gap = '';
    });
  }

  open(name: string): void {
    if (this.#silent === 'head' && !HEAD_CONTENT.has(name)) this.#silent = '';
    if (this.#silent !== '') return;
    if (SILENT.has(name)) this.#silent = name;
    this.#breakAt(name);
  }

  close(name: string): void {
    if (this.#silent === name) this.#silent = '';
    if (this.#silent === '') this.#breakAt(name);
  }

  finish(): string {
    return this.#pieces.join('');
  }

  #breakAt(name: string): void {
    if (name === 'br' || BLOCKS.has(name)) this.#gap = '\n';
    else if (CELLS.has(name) && this.#gap === '') this.#gap = ' ';
  }
}
