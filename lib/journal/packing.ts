/** Writes numbers and octets one after another into a buffer that grows. */
export class PackWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(capacity = 256) {
    this.#buffer = Buffer.allocUnsafe(capacity);
  }

  octet(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#length++] = value;
  }

  octets(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
  }

  /** Hexadecimal text as octets. */
  hex(text: string): void {
    this.#reserve(text.length >> 1);
    this.#length += this.#buffer.write(text, this.#length, 'hex');
  }

  /** A whole number from 0 to 2^53-1, seven bits an octet, the least first. */
  varint(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not a number to pack: ${value}`);
    this.#reserve(8);
    let rest = value;
    while (rest >= 128) {
      this.#buffer[this.#length++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.#buffer[this.#length++] = rest;
  }

  /** A whole number of either sign, small where it is near zero. */
  signed(value: number): void {
    this.varint(value >= 0 ? value * 2 : -value * 2 - 1);
  }

  text(value: string): void {
    const octets = Buffer.from(value, 'utf8');
    this.varint(octets.length);
    this.octets(octets);
  }

  get length(): number {
    return this.#length;
  }

  finish(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + more));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}

/** Reads what PackWriter wrote. @throws RangeError where the octets end early or a number is too large */
export class PackReader {
  readonly #buffer: Buffer;
  #offset = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  get isAtEnd(): boolean {
    return this.#offset >= this.#buffer.length;
  }

  octet(): number {
    const value = this.#buffer[this.#offset];
    if (value === undefined) throw new RangeError('packed data ends early');
    this.#offset += 1;
    return value;
  }

  octets(length: number): Buffer {
    const end = this.#offset + length;
    if (end > this.#buffer.length) throw new RangeError('packed data ends early');
    const value = this.#buffer.subarray(this.#offset, end);
    this.#offset = end;
    return value;
  }

  hex(length: number): string {
    return this.octets(length).toString('hex');
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const octet = this.octet();
      value += (octet & 127) * scale;
      if (octet < 128) break;
      scale *= 128;
      if (scale > 2 ** 49) throw new RangeError('packed number is too long');
    }
    if (!Number.isSafeInteger(value)) throw new RangeError('packed number is too large');
    return value;
  }

  signed(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  text(): string {
    return this.octets(this.varint()).toString('utf8');
  }
}
