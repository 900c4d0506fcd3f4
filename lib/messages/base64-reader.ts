import { createHash } from 'node:crypto';
import type { Base64Layout } from './base64-layout.ts';

/** A stretch of base64 text, from the first octet given, that can be written again from its content. */
export interface Base64Text {
  /** Octets of the text; the rest of what was given is no part of it. */
  readonly length: number;
  readonly decodedSize: number;
  /** SHA-256 of the decoded octets, hexadecimal. */
  readonly hash: string;
  readonly layout: Base64Layout;
}

/** Octets gathered before they are looked at. */
const BLOCK_OCTETS = 48 * 1024;

/** Longer lines are read as text without line ends: RFC 5322 section 2.1.1 allows 998. */
const MAX_LINE = 998;

const LF = 10;
const CR = 13;
const EQUALS = 61;

/**
 * Reads base64 text as a stream and proves, block by block, that encoding what it decodes to gives the same octets.
 * Where a block does not, the text ends with the last group that does.
 */
export class Base64Reader {
  readonly #block = Buffer.allocUnsafe(BLOCK_OCTETS);
  readonly #characters = Buffer.allocUnsafe(BLOCK_OCTETS);
  /** Used again for each block: garbage would raise the peak of memory. */
  readonly #decoded = Buffer.allocUnsafe((BLOCK_OCTETS / 4) * 3);
  readonly #hash = createHash('sha256');
  #filled = 0;
  #lineLength = -1;
  #lineEndOctets: 1 | 2 = 2;
  #isPadded = true;
  #hasEnded = false;
  /** Octets of the text so far, the line end after its last line included. */
  #length = 0;
  #endsWithLineEnd = false;
  #decodedSize = 0;
  #rest = 0;

  /** Octets given that are no part of the text; grows only once the text has ended. */
  get rest(): number {
    return this.#rest;
  }

  write(octets: Buffer): void {
    let taken = 0;
    while (taken < octets.length) {
      if (this.#hasEnded) {
        this.#rest += octets.length - taken;
        return;
      }
      const copied = octets.copy(this.#block, this.#filled, taken);
      taken += copied;
      this.#filled += copied;
      if (this.#filled === BLOCK_OCTETS) this.#readBlock(false);
    }
  }

  /** Undefined where no text was found. */
  end(): Base64Text | undefined {
    if (!this.#hasEnded) this.#readBlock(true);
    if (this.#decodedSize === 0) return undefined;
    return {
      length: this.#length - (this.#endsWithLineEnd ? this.#lineEndOctets : 0),
      decodedSize: this.#decodedSize,
      hash: this.#hash.digest('hex'),
      layout: { lineLength: this.#lineLength, lineEndOctets: this.#lineEndOctets, isPadded: this.#isPadded },
    };
  }

  #readBlock(isLast: boolean): void {
    if (this.#lineLength < 0 && !this.#measureLine()) {
      this.#finish(0);
      return;
    }
    const read = this.#lineLength === 0 ? this.#readGroups() : this.#readLines();
    const wanted = this.#lineLength === 0 ? 4 : this.#lineLength + this.#lineEndOctets;
    // Less than a line is left for the next block; a whole line left over is one that ends the text.
    if (isLast || this.#filled - read >= wanted) {
      this.#finish(read + this.#readLastLine(read));
      return;
    }
    this.#block.copy(this.#block, 0, read, this.#filled);
    this.#filled -= read;
  }

  #finish(read: number): void {
    this.#hasEnded = true;
    this.#rest += this.#filled - read;
    this.#filled = 0;
  }

  /** Takes the first line as the measure of all. False where its length is none that base64 is written in. */
  #measureLine(): boolean {
    const lf = this.#block.subarray(0, Math.min(this.#filled, MAX_LINE + 2)).indexOf(LF);
    if (lf < 0) {
      this.#lineLength = 0;
      return true;
    }
    this.#lineEndOctets = lf > 0 && this.#block[lf - 1] === CR ? 2 : 1;
    this.#lineLength = lf + 1 - this.#lineEndOctets;
    return this.#lineLength > 0 && this.#lineLength % 4 === 0;
  }

  /** Text without line ends. @returns octets read */
  #readGroups(): number {
    const length = this.#filled - (this.#filled % 4);
    return this.#accept(this.#block.subarray(0, length), length) ? length : 0;
  }

  /** Whole lines. @returns octets read */
  #readLines(): number {
    const stride = this.#lineLength + this.#lineEndOctets;
    let lines = 0;
    while ((lines + 1) * stride <= this.#filled && this.#hasLineEnd(lines * stride + this.#lineLength)) {
      this.#block.copy(this.#characters, lines * this.#lineLength, lines * stride, lines * stride + this.#lineLength);
      lines += 1;
    }
    if (this.#accept(this.#characters.subarray(0, lines * this.#lineLength), lines * stride)) return lines * stride;
    // One of the lines is the last: find it.
    for (let line = 0; line < lines; line += 1) {
      const characters = this.#characters.subarray(line * this.#lineLength, (line + 1) * this.#lineLength);
      if (!this.#accept(characters, stride)) return line * stride;
    }
    return lines * stride;
  }

  #hasLineEnd(position: number): boolean {
    if (this.#lineEndOctets === 1) return this.#block[position] === LF;
    return this.#block[position] === CR && this.#block[position + 1] === LF;
  }

  /**
   * Whole groups without padding.
   * @param octets of the block that the characters stand for
   */
  #accept(characters: Buffer, octets: number): boolean {
    const text = characters.toString('latin1');
    const length = this.#decoded.write(text, 'base64');
    if (length !== (characters.length / 4) * 3 || this.#decoded.toString('base64', 0, length) !== text) return false;
    this.#take(this.#decoded.subarray(0, length), octets, this.#lineLength > 0);
    return true;
  }

  /** What can be read of the line that begins at the position. @returns octets read */
  #readLastLine(position: number): number {
    const lineEnd = this.#lineLength === 0 ? this.#filled : Math.min(this.#filled, position + this.#lineLength);
    let end = position;
    while (end < lineEnd && isBase64(this.#block[end] ?? 0)) end += 1;
    const whole = end - position - ((end - position) % 4);
    if (whole > 0)
      this.#take(Buffer.from(this.#block.toString('latin1', position, position + whole), 'base64'), whole, false);
    return whole + this.#readLastGroup(position + whole, end, lineEnd);
  }

  /** Two or three characters, with or without their padding. @returns octets read */
  #readLastGroup(start: number, end: number, lineEnd: number): number {
    const characters = end - start;
    if (characters < 2) return 0;
    const missing = 4 - characters;
    let padding = 0;
    while (padding < missing && end + padding < lineEnd && this.#block[end + padding] === EQUALS) padding += 1;
    if (padding !== 0 && padding !== missing) return 0;
    const text = this.#block.toString('latin1', start, end);
    const decoded = Buffer.from(text, 'base64');
    // Bits that the octets do not need may be set: such text cannot be told from its content.
    if (decoded.toString('base64') !== text + '='.repeat(missing)) return 0;
    this.#isPadded = padding > 0;
    this.#take(decoded, characters + padding, false);
    return characters + padding;
  }

  #take(decoded: Buffer, octets: number, endsWithLineEnd: boolean): void {
    if (octets === 0) return;
    this.#hash.update(decoded);
    this.#decodedSize += decoded.length;
    this.#length += octets;
    this.#endsWithLineEnd = endsWithLineEnd;
  }
}

function isBase64(octet: number): boolean {
  return (
    (octet >= 65 && octet <= 90) ||
    (octet >= 97 && octet <= 122) ||
    (octet >= 48 && octet <= 57) ||
    octet === 43 ||
    octet === 47
  );
}
