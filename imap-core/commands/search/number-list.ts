/** Whole numbers below 2^32 in order of arrival, four octets each: a search may find every message of a mailbox. */
export class NumberList {
  #numbers = new Uint32Array(256);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(number: number): void {
    if (this.#length === this.#numbers.length) {
      const larger = new Uint32Array(this.#length * 2);
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    this.#numbers[this.#length] = number;
    this.#length += 1;
  }

  /** Valid until the next `add`. */
  view(): Uint32Array {
    return this.#numbers.subarray(0, this.#length);
  }
}
