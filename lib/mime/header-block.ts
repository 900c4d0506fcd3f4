const LF = 10;
const SPACE = 32;
const TAB = 9;
const FIRST_CAPACITY = 4096;

/** Gathers the octets of one header block at a time, as many as the limit allows. */
export class HeaderBlock {
  readonly #limit: number;
  #octets = Buffer.alloc(0);
  #length = 0;
  #isCut = false;

  /** @param limit octets */
  constructor(limit: number) {
    this.#limit = limit;
  }

  append(octets: Buffer): void {
    const taken = Math.min(octets.length, this.#limit - this.#length);
    if (taken < octets.length) this.#isCut = true;
    if (taken === 0) return;
    this.#reserve(this.#length + taken);
    octets.copy(this.#octets, this.#length, 0, taken);
    this.#length += taken;
  }

  /**
   * What was gathered, and a fresh start. The octets are valid until the next `append`. A block that was cut ends
   * before the field at which the limit struck.
   */
  take(): { readonly octets: Buffer; readonly isCut: boolean } {
    const length = this.#isCut ? this.#lastFieldStart() : this.#length;
    const taken = { octets: this.#octets.subarray(0, length), isCut: this.#isCut };
    this.#length = 0;
    this.#isCut = false;
    return taken;
  }

  #reserve(length: number): void {
    if (length <= this.#octets.length) return;
    const capacity = Math.min(this.#limit, Math.max(length, this.#octets.length * 2, FIRST_CAPACITY));
    const grown = Buffer.alloc(capacity);
    this.#octets.copy(grown, 0, 0, this.#length);
    this.#octets = grown;
  }

  #lastFieldStart(): number {
    let end = this.#length;
    while (end > 0) {
      const lf = this.#octets.lastIndexOf(LF, end - 1);
      const first = this.#octets[lf + 1];
      if (lf + 1 < this.#length && first !== SPACE && first !== TAB) return lf + 1;
      end = lf;
    }
    return 0;
  }
}
