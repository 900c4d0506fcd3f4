import { turn } from '../../wire/turn.ts';

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
 * header (RFC 3501 section 6.4.5). Takes linear time and holds at most one piece and the beginning of one line, however
 * the octets are cut; others have their turn after each piece. What is not a field, such as the empty line itself, is
 * left out.
 */
export async function* filterHeader(header: AsyncIterable<Buffer>, filter: FieldFilter): AsyncIterable<Buffer> {
  const names = new Set(filter.fields.map((field) => field.toLowerCase()));
  const selector = new LineSelector(names, filter.isNot);
  for await (const piece of header) {
    const selected = selector.select(piece);
    if (selected.length > 0) yield selected;
    await turn();
  }
  yield selector.end();
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

  /** What is wanted of the piece, and of the line that began before it. */
  select(piece: Buffer): Buffer {
    // A header may be nothing but tiny lines: lines wanted one after the other are one run.
    const runs: Buffer[] = [];
    let runStart: number | undefined;
    for (let from = 0; from < piece.length;) {
      const found = piece.indexOf(LF, from);
      const to = found < 0 ? piece.length : found + 1;
      const before = this.#begun;
      if (!this.#isDecided) this.#decide(piece.toString('latin1', from, to), found >= 0);
      if (this.#isDecided && this.#isWanted) {
        if (before !== '') runs.push(Buffer.from(before, 'latin1'));
        runStart ??= from;
      } else if (runStart !== undefined) {
        runs.push(piece.subarray(runStart, from));
        runStart = undefined;
      }
      if (found >= 0) this.#isDecided = false;
      from = to;
    }
    if (runStart !== undefined) runs.push(piece.subarray(runStart));
    const [only] = runs;
    return this.#emit(runs.length === 1 && only !== undefined ? only : Buffer.concat(runs));
  }

  /** What ends the header. */
  end(): Buffer {
    const before = this.#begun;
    if (before !== '') this.#decide('', true);
    const rest = this.#emit(Buffer.from(before !== '' && this.#isWanted ? before : '', 'latin1'));
    return Buffer.concat(this.#endsInLineEnd ? [rest, CRLF] : [rest, CRLF, CRLF]);
  }

  #decide(part: string, isComplete: boolean): void {
    const begun = this.#begun + part;
    const first = begun.charAt(0);
    if (first !== ' ' && first !== '\t') {
      const colon = begun.indexOf(':');
      if (colon < 0 && !isComplete && begun.length < MAX_NAME_OCTETS) {
        this.#begun = begun;
        return;
      }
      this.#isWanted = colon > 0 && this.#names.has(begun.slice(0, colon).trimEnd().toLowerCase()) !== this.#isNot;
    }
    this.#isDecided = true;
    this.#begun = '';
  }

  #emit(octets: Buffer): Buffer {
    if (octets.length > 0) this.#endsInLineEnd = octets.at(-1) === LF;
    return octets;
  }
}
