/**
 * Finds several texts in one stream of text, without regard to case (RFC 3501 section 6.4.4). What is kept of the
 * stream is no longer than the longest text looked for, so that size does not matter.
 */
export class TextFinder {
  readonly #needles: readonly string[];
  readonly #isFound: boolean[];
  readonly #overlap: number;
  #tail = '';

  constructor(texts: readonly string[]) {
    this.#needles = texts.map(foldCase);
    this.#isFound = this.#needles.map((needle) => needle === '');
    this.#overlap = Math.max(0, ...this.#needles.map((needle) => needle.length - 1));
  }

  /** True once every text was found: the rest of the stream need not be read. */
  get isDone(): boolean {
    return this.#isFound.every((isFound) => isFound);
  }

  isFound(index: number): boolean {
    return this.#isFound[index] === true;
  }

  write(text: string): void {
    const window = this.#tail + foldCase(text);
    for (const [index, needle] of this.#needles.entries()) {
      if (!this.#isFound[index] && window.includes(needle)) this.#isFound[index] = true;
    }
    this.#tail = this.#overlap === 0 ? '' : window.slice(-this.#overlap);
  }

  /** What comes next does not continue what came before: a text is not found across the two. */
  cut(): void {
    this.#tail = '';
  }
}

/** One spelling for all that differ only in case; composed, so that é is é however it was written. */
export function foldCase(text: string): string {
  return text.normalize('NFC').toLowerCase();
}
