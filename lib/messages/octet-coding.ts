/** Numbers and texts one after another in a Buffer: the form of the small tables in a message document. */
export class OctetWriter {
  #octets = Buffer.allocUnsafe(256);
  #length = 0;

  /** Octets so far. */
  get length(): number {
    return this.#length;
  }

  /** A whole number from 0 to 2^53-1: seven bits an octet, the lowest first. */
  number(value: number): void {
    let rest = value;
    this.#reserve(8);
    while (rest > 0x7f) {
      this.#octets[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#octets[this.#length++] = rest;
  }

  /** UTF-8 with its length in front. */
  text(value: string): void {
    const length = Buffer.byteLength(value);
    this.number(length);
    this.#reserve(length);
    this.#length += this.#octets.write(value, this.#length, 'utf8');
  }

  /** As `text`; undefined is told from the empty text. */
  optionalText(value: string | undefined): void {
    this.number(value === undefined ? 0 : 1);
    if (value !== undefined) this.text(value);
  }

  finish(): Buffer {
    return Buffer.from(this.#octets.subarray(0, this.#length));
  }

  #reserve(octets: number): void {
    if (this.#length + octets <= this.#octets.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#length + octets, this.#octets.length * 2));
    this.#octets.copy(larger, 0, 0, this.#length);
    this.#octets = larger;
  }
}

/** Reads what OctetWriter wrote. @throws RangeError past the end: the table is damaged */
export class OctetReader {
  readonly #octets: Buffer;
  #position = 0;

  constructor(octets: Buffer) {
    this.#octets = octets;
  }

  get isAtEnd(): boolean {
    return this.#position >= this.#octets.length;
  }

  /** Octets read so far. */
  get position(): number {
    return this.#position;
  }

  number(): number {
    let value = 0;
    let weight = 1;
    for (;;) {
      const octet = this.#octets[this.#position++];
      if (octet === undefined) throw new RangeError('a table ends early');
      value += (octet & 0x7f) * weight;
      if (octet < 0x80) return value;
      weight *= 0x80;
    }
  }

  text(): string {
    const end = this.number() + this.#position;
    if (end > this.#octets.length) throw new RangeError('a table ends early');
    const text = this.#octets.toString('utf8', this.#position, end);
    this.#position = end;
    return text;
  }

  optionalText(): string | undefined {
    return this.number() === 0 ? undefined : this.text();
  }
}
