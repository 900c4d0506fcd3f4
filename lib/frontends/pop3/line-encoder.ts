const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;
const NOTHING = Buffer.alloc(0);

/**
 * A message as the lines of a multi-line response (RFC 1939 section 3), from chunks of any size: a bare LF becomes
 * CRLF, a line that begins with a dot gets another one, a missing last CRLF is added. A CR without LF stays what it is.
 */
export class LineEncoder {
  /** Lines of the body that may still pass; infinite for the whole message. */
  #bodyLines: number;
  #isInHeader = true;
  #isAtLineStart = true;
  #isAfterCr = false;
  /** True while the line has held nothing but, at most, a CR. */
  #isLineEmpty = true;
  #isDone = false;

  /** @param bodyLines how many lines after the header are wanted (TOP) */
  constructor(bodyLines = Infinity) {
    this.#bodyLines = bodyLines;
  }

  /** True once the lines wanted have passed: the rest of the message need not be read. */
  get isDone(): boolean {
    return this.#isDone;
  }

  push(chunk: Buffer): Buffer {
    if (this.#isDone || chunk.length === 0) return NOTHING;
    const out = new Insertions(chunk);
    for (let at = 0; at < chunk.length;) {
      if (this.#isAtLineStart && chunk[at] === DOT) out.insert(at, DOT);
      const lf = chunk.indexOf(LF, at);
      this.#pass(chunk, at, lf < 0 ? chunk.length : lf);
      if (lf < 0) break;
      if (!this.#isAfterCr) out.insert(lf, CR);
      if (this.#endLine()) return out.result(lf + 1);
      at = lf + 1;
    }
    return out.result(chunk.length);
  }

  /** Octets of a line without its LF. */
  #pass(chunk: Buffer, start: number, end: number): void {
    if (end === start) return;
    const isOnlyCr = end - start === 1 && chunk[start] === CR && this.#isAtLineStart;
    if (!isOnlyCr) this.#isLineEmpty = false;
    this.#isAfterCr = chunk[end - 1] === CR;
    this.#isAtLineStart = false;
  }

  /** What ends the response: the last CRLF where it is missing, and the dot. */
  end(): Buffer {
    return Buffer.from(this.#isAtLineStart ? '.\r\n' : '\r\n.\r\n');
  }

  /** @returns true where this was the last line wanted */
  #endLine(): boolean {
    if (this.#isInHeader) {
      if (this.#isLineEmpty) this.#isInHeader = false;
    } else {
      this.#bodyLines -= 1;
    }
    this.#isDone = !this.#isInHeader && this.#bodyLines <= 0;
    this.#isAtLineStart = true;
    this.#isAfterCr = false;
    this.#isLineEmpty = true;
    return this.#isDone;
  }
}

/** A chunk with single octets put in; the chunk itself where there are none. */
class Insertions {
  readonly #chunk: Buffer;
  #out: Buffer | undefined;
  #length = 0;
  #copied = 0;

  constructor(chunk: Buffer) {
    this.#chunk = chunk;
  }

  /** Puts the octet before the one at the position; positions ascend. */
  insert(position: number, octet: number): void {
    const out = this.#copyTo(position);
    out[this.#length] = octet;
    this.#length += 1;
  }

  /** Everything up to the given position of the chunk. */
  result(end: number): Buffer {
    if (this.#out === undefined) return end === this.#chunk.length ? this.#chunk : this.#chunk.subarray(0, end);
    return this.#copyTo(end).subarray(0, this.#length);
  }

  #copyTo(position: number): Buffer {
    // A line of one octet can get a dot and a CR, an empty one a CR.
    this.#out ??= Buffer.allocUnsafe(this.#chunk.length * 2 + 2);
    this.#length += this.#chunk.copy(this.#out, this.#length, this.#copied, position);
    this.#copied = position;
    return this.#out;
  }
}
