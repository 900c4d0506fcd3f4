const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;
const STUFFED = Buffer.from('\r\n.');
const HELD_CR = Buffer.from('\r');

/** What is known of the octets so far: where in a line the next one stands, and what is held back. */
type Position =
  /** First octet of a line: at the start of the data or after CRLF. */
  | 'line-start'
  /** Inside a line. */
  | 'inside'
  /** After a CR. */
  | 'after-cr'
  /** After a dot at the start of a line; the dot is held. */
  | 'after-dot'
  /** After such a dot and a CR; both are held. */
  | 'after-dot-cr';

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
  #position: Position = 'line-start';

  push(chunk: Buffer): Unstuffed {
    const pieces: Buffer[] = [];
    /** Start of the run of content that has not been added to the pieces. */
    let from = 0;
    let at = 0;
    while (at < chunk.length) {
      if (this.#position === 'inside') {
        at = this.#skipLines(chunk, at);
        continue;
      }
      const octet = chunk[at];
      if (this.#position === 'after-dot-cr') {
        if (octet === LF) {
          this.#position = 'line-start';
          return { octets: joined(pieces), rest: chunk.subarray(at + 1) };
        }
        // The CR was content after all; where it came in this chunk the run begins with it.
        if (at === 0) pieces.push(HELD_CR);
      } else if (this.#position === 'line-start' && octet === DOT) {
        if (at > from) pieces.push(chunk.subarray(from, at));
        from = at + 1;
      }
      this.#position = next(this.#position, octet);
      at += 1;
    }
    const end = this.#position === 'after-dot-cr' ? from : chunk.length;
    if (end > from) pieces.push(chunk.subarray(from, end));
    return { octets: joined(pieces), rest: undefined };
  }

  /** Inside a line: goes to the next line that begins with a dot, else to the end of the chunk. */
  #skipLines(chunk: Buffer, at: number): number {
    const found = chunk.indexOf(STUFFED, at);
    if (found >= 0) {
      this.#position = 'line-start';
      return found + 2;
    }
    const end = chunk.length;
    if (chunk[end - 1] === CR) this.#position = 'after-cr';
    else if (chunk[end - 1] === LF && end - at > 1 && chunk[end - 2] === CR) this.#position = 'line-start';
    return end;
  }
}

/** Where the octet after this one stands; the end of the data has been ruled out. */
function next(position: Position, octet: number | undefined): Position {
  if (position === 'line-start' && octet === DOT) return 'after-dot';
  if (position === 'after-dot' && octet === CR) return 'after-dot-cr';
  if (position === 'after-cr' && octet === LF) return 'line-start';
  return octet === CR ? 'after-cr' : 'inside';
}

function joined(pieces: readonly Buffer[]): Buffer {
  const [first] = pieces;
  return pieces.length === 1 && first !== undefined ? first : Buffer.concat(pieces);
}
