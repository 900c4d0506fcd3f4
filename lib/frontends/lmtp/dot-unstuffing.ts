const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;
const STUFFED = Buffer.from('\r\n.');
/** Octets looked at one by one after a removed dot; further on a search by the system is faster. */
const NEAR = 64;

/** What is known of the octets so far: where in a line the next one stands, and what is held back. */
const Position = {
  /** First octet of a line: at the start of the data or after CRLF. */
  lineStart: 0,
  /** Inside a line. */
  inside: 1,
  /** After a CR. */
  afterCr: 2,
  /** After a dot at the start of a line; the dot is held. */
  afterDot: 3,
  /** After such a dot and a CR; both are held. */
  afterDotCr: 4,
} as const;
type Position = (typeof Position)[keyof typeof Position];

export interface Unstuffed {
  /** Octets of the message; a view of the chunk where nothing had to be removed. */
  readonly octets: Buffer;
  /** What follows the end of the data; undefined while it has not come. */
  readonly rest: Buffer | undefined;
}

/**
 * Undoes dot-stuffing (RFC 5321 section 4.5.2) octet for octet. A line ends with CRLF and with nothing else, so only
 * CRLF "." CRLF ends the data and only a dot after CRLF, or at the very start, is removed: bare CR and LF are content.
 * Any split of the octets into chunks gives the same message.
 */
export class DotUnstuffing {
  #position: Position = Position.lineStart;

  push(chunk: Buffer): Unstuffed {
    const kept = new Kept(chunk);
    let position = this.#position;
    let near = 0;
    for (let at = 0; at < chunk.length; at += 1) {
      if (position === Position.inside && at >= near) {
        const found = chunk.indexOf(STUFFED, at);
        if (found < 0) {
          position = positionAfter(chunk, at);
          break;
        }
        position = Position.lineStart;
        at = found + 2;
      }
      const octet = chunk[at] ?? 0;
      if (position === Position.afterDotCr) {
        if (octet === LF) {
          this.#position = Position.lineStart;
          return { octets: kept.upTo(kept.from), rest: chunk.subarray(at + 1) };
        }
        // The CR was content after all; where it came in this chunk, what is kept goes on with it.
        if (at === 0) kept.prepend(CR);
      } else if (position === Position.lineStart && octet === DOT) {
        kept.skip(at);
        near = at + NEAR;
      }
      position = next(position, octet);
    }
    this.#position = position;
    return { octets: kept.upTo(position === Position.afterDotCr ? kept.from : chunk.length), rest: undefined };
  }
}

/** Where the octet after this one stands; the end of the data has been ruled out. */
function next(position: Position, octet: number): Position {
  if (octet === DOT && position === Position.lineStart) return Position.afterDot;
  if (octet === CR) return position === Position.afterDot ? Position.afterDotCr : Position.afterCr;
  return octet === LF && position === Position.afterCr ? Position.lineStart : Position.inside;
}

/** The position after a chunk whose octets from `at` on, inside a line, hold no dot at the start of a line. */
function positionAfter(chunk: Buffer, at: number): Position {
  const last = chunk.length - 1;
  if (chunk[last] === CR) return Position.afterCr;
  return chunk[last] === LF && last > at && chunk[last - 1] === CR ? Position.lineStart : Position.inside;
}

/** What is left of a chunk when single octets are taken out; the chunk itself where none are. */
class Kept {
  readonly #chunk: Buffer;
  #out: Buffer | undefined;
  #length = 0;
  /** Where the octets begin that are kept and not yet copied. */
  from = 0;

  constructor(chunk: Buffer) {
    this.#chunk = chunk;
  }

  /** Puts an octet of an earlier chunk before everything. */
  prepend(octet: number): void {
    this.#out = Buffer.allocUnsafe(this.#chunk.length + 1);
    this.#out[0] = octet;
    this.#length = 1;
  }

  /** Leaves the octet at the position out. */
  skip(position: number): void {
    this.#copy(position);
    this.from = position + 1;
  }

  /** Everything kept before the position. */
  upTo(position: number): Buffer {
    if (this.#out === undefined && this.from === 0) return this.#chunk.subarray(0, position);
    return this.#copy(position).subarray(0, this.#length);
  }

  #copy(end: number): Buffer {
    const out = (this.#out ??= Buffer.allocUnsafe(this.#chunk.length));
    if (end - this.from > NEAR) {
      this.#length += this.#chunk.copy(out, this.#length, this.from, end);
    } else {
      for (let at = this.from; at < end; at += 1) {
        out[this.#length] = this.#chunk[at] ?? 0;
        this.#length += 1;
      }
    }
    this.from = end;
    return out;
  }
}
