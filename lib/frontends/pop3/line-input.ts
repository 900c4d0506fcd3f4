const CR = 0x0d;
const LF = 0x0a;
/** A line this much longer than its limit ends the connection rather than being read to its end. */
const MAX_SKIPPED = 64 * 1024;
const NOTHING = Buffer.alloc(0);

export type Line =
  | { readonly kind: 'line'; readonly octets: Buffer }
  /** The line was longer than allowed and is over. */
  | { readonly kind: 'too-long' }
  /** The line was longer than allowed and does not end. */
  | { readonly kind: 'endless' };

/** Octets in any split of packets, lines out. A line ends with LF; a CR before it is dropped. */
export class LineInput {
  #pending: Buffer = NOTHING;
  /** Octets at the start of `#pending` that are known to hold no LF. */
  #scanned = 0;
  /** Octets of an overlong line dropped so far; -1 where the line is not overlong. */
  #skipped = -1;

  push(octets: Buffer): void {
    this.#pending = this.#pending.length === 0 ? octets : Buffer.concat([this.#pending, octets]);
  }

  /** Drops everything that was received and not yet taken. */
  clear(): void {
    this.#pending = NOTHING;
    this.#scanned = 0;
    this.#skipped = -1;
  }

  /**
   * The next line, or undefined until more octets come.
   * @param limit octets, line end included
   */
  next(limit: number): Line | undefined {
    const end = this.#pending.indexOf(LF, this.#scanned);
    const length = end < 0 ? this.#pending.length : end + 1;
    if (this.#skipped >= 0 || length > limit) return this.#skip(end, length);
    if (end < 0) {
      this.#scanned = length;
      return undefined;
    }
    const line = this.#pending.subarray(0, end > 0 && this.#pending[end - 1] === CR ? end - 1 : end);
    this.#drop(length);
    return { kind: 'line', octets: line };
  }

  #skip(end: number, length: number): Line | undefined {
    this.#skipped = Math.max(0, this.#skipped) + length;
    this.#drop(length);
    if (end >= 0) {
      this.#skipped = -1;
      return { kind: 'too-long' };
    }
    return this.#skipped > MAX_SKIPPED ? { kind: 'endless' } : undefined;
  }

  #drop(length: number): void {
    this.#pending = this.#pending.length === length ? NOTHING : this.#pending.subarray(length);
    this.#scanned = 0;
  }
}
