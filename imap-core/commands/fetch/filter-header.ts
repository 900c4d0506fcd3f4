const LF = 0x0a;
/** A longer name is nobody's: it matches nothing. */
const MAX_NAME_OCTETS = 1000;

/** Which header fields are wanted. */
export interface FieldFilter {
  readonly fields: readonly string[];
  /** True: all but these. */
  readonly isNot: boolean;
}

const CRLF = Buffer.from('\r\n');

/**
 * The wanted fields of a header as they stand, continuation lines included, and the empty line that ends every
 * header (RFC 3501 section 6.4.5). Takes linear time and holds at most the beginning of one line, however the octets
 * are cut. What is not a field, such as the empty line itself, is left out.
 */
export async function* filterHeader(header: AsyncIterable<Buffer>, filter: FieldFilter): AsyncIterable<Buffer> {
  const names = new Set(filter.fields.map((field) => field.toLowerCase()));
  const selector = new LineSelector(names, filter.isNot);
  for await (const piece of header) yield* selector.select(piece);
  yield* selector.end();
  yield CRLF;
}

/** Decides line by line, at the colon or as soon as it is plain that a line continues the one before. */
class LineSelector {
  readonly #names: ReadonlySet<string>;
  readonly #isNot: boolean;
  /** Octets of a line that is not decided yet. */
  #begun = '';
  #isDecided = false;
  #isWanted = false;
  #endsInLineEnd = true;

  constructor(names: ReadonlySet<string>, isNot: boolean) {
    this.#names = names;
    this.#isNot = isNot;
  }

  *select(piece: Buffer): Iterable<Buffer> {
    let from = 0;
    while (from < piece.length) {
      const found = piece.indexOf(LF, from);
      const to = found < 0 ? piece.length : found + 1;
      const part = piece.subarray(from, to);
      yield* this.#part(part, found >= 0);
      from = to;
    }
  }

  *end(): Iterable<Buffer> {
    yield* this.#decide(true);
    if (!this.#endsInLineEnd) yield CRLF;
  }

  *#part(part: Buffer, isLineEnd: boolean): Iterable<Buffer> {
    if (this.#isDecided) {
      if (this.#isWanted) yield this.#emit(part);
    } else {
      this.#begun += part.toString('latin1');
      yield* this.#decide(isLineEnd);
    }
    if (isLineEnd) {
      this.#begun = '';
      this.#isDecided = false;
    }
  }

  *#decide(isComplete: boolean): Iterable<Buffer> {
    const begun = this.#begun;
    if (this.#isDecided || begun === '') return;
    const first = begun.charAt(0);
    if (first !== ' ' && first !== '\t') {
      const colon = begun.indexOf(':');
      if (colon < 0 && !isComplete && begun.length < MAX_NAME_OCTETS) return;
      this.#isWanted = colon > 0 && this.#names.has(begun.slice(0, colon).trimEnd().toLowerCase()) !== this.#isNot;
    }
    this.#isDecided = true;
    this.#begun = '';
    if (this.#isWanted) yield this.#emit(Buffer.from(begun, 'latin1'));
  }

  #emit(octets: Buffer): Buffer {
    this.#endsInLineEnd = octets.at(-1) === LF;
    return octets;
  }
}
