import type { TransferEncoding } from './scanner.ts';

/** Undoes a transfer encoding piece by piece; any split of the input gives the same output. */
export interface TransferDecoder {
  write(octets: Buffer): Buffer;
  end(): Buffer;
}

const NOTHING = Buffer.alloc(0);

/** A decoder for the encoding; octets pass as they are where there is nothing to undo. Never fails. */
export function createTransferDecoder(encoding: TransferEncoding): TransferDecoder {
  switch (encoding) {
    case 'base64':
      return new Base64Decoder();
    case 'quoted-printable':
      return new QuotedPrintableDecoder();
    case '7bit':
    case '8bit':
    case 'binary':
    case 'other':
      return { write: (octets) => octets, end: () => NOTHING };
  }
}

/** As `createTransferDecoder`, all at once. */
export function decodeTransfer(octets: Buffer, encoding: TransferEncoding): Buffer {
  const decoder = createTransferDecoder(encoding);
  const decoded = decoder.write(octets);
  const rest = decoder.end();
  return rest.length === 0 ? decoded : Buffer.concat([decoded, rest]);
}

/**
 * RFC 2045 section 6.8. Characters outside the alphabet are passed over; padding ends a run, after which another may
 * follow, as where two encodings were joined; a run that stops short gives the octets it has.
 */
class Base64Decoder implements TransferDecoder {
  /** Up to three characters of a quantum. */
  #rest = '';

  write(octets: Buffer): Buffer {
    const text = this.#rest + octets.toString('latin1').replace(/[^A-Za-z0-9+/=]+/g, '');
    if (text.includes('=')) return this.#writePadded(text);
    const whole = text.length - (text.length % 4);
    this.#rest = text.slice(whole);
    return Buffer.from(text.slice(0, whole), 'base64');
  }

  end(): Buffer {
    const rest = this.#rest;
    this.#rest = '';
    return Buffer.from(rest, 'base64');
  }

  #writePadded(text: string): Buffer {
    const runs = text.split(/=+/);
    const last = runs.pop() ?? '';
    const whole = last.length - (last.length % 4);
    this.#rest = last.slice(whole);
    return Buffer.concat(
      [...runs, last.slice(0, whole)].filter((run) => run !== '').map((run) => Buffer.from(run, 'base64')),
    );
  }
}

const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
const EQUALS = 61;
/** Blanks held back because they may stand at a line's end; more than these are none that a transport has added. */
const MAX_HELD = 1024;

/**
 * RFC 2045 section 6.7. Blanks at the end of a line are taken out, soft line breaks too, with LF or CRLF; an equals
 * sign that begins nothing stays as it is. Line ends stay what they are.
 */
class QuotedPrintableDecoder implements TransferDecoder {
  /** Octets whose meaning depends on what follows: blanks, or an equals sign and what came after it. */
  #held: Buffer = NOTHING;

  write(octets: Buffer): Buffer {
    return this.#decode(this.#held.length === 0 ? octets : Buffer.concat([this.#held, octets]), false);
  }

  end(): Buffer {
    return this.#decode(this.#held, true);
  }

  #decode(data: Buffer, isLast: boolean): Buffer {
    const out = Buffer.allocUnsafe(data.length);
    let length = 0;
    let position = 0;
    while (position < data.length) {
      const octet = data[position] ?? 0;
      if (octet !== EQUALS && octet !== SPACE && octet !== TAB) {
        out[length++] = octet;
        position += 1;
        continue;
      }
      const piece = octet === EQUALS ? readEscape(data, position, isLast) : readBlanks(data, position, isLast);
      if (piece === undefined) break;
      if (piece.decoded === 'itself') length += data.copy(out, length, position, piece.next);
      else if (piece.decoded !== 'nothing') out[length++] = piece.decoded;
      position = piece.next;
    }
    this.#held = Buffer.from(data.subarray(position));
    return out.subarray(0, length);
  }
}

/** What stands at a position: where it ends and what it means. */
interface Piece {
  readonly next: number;
  readonly decoded: number | 'itself' | 'nothing';
}

/** @returns undefined where more octets are needed to say */
function readEscape(data: Buffer, position: number, isLast: boolean): Piece | undefined {
  const itself: Piece = { next: position + 1, decoded: 'itself' };
  const high = hexValue(data[position + 1]);
  if (high >= 0) {
    if (position + 2 >= data.length) return isLast ? itself : undefined;
    const low = hexValue(data[position + 2]);
    return low < 0 ? itself : { next: position + 3, decoded: high * 16 + low };
  }
  const end = blanksEnd(data, position + 1);
  if (end >= data.length) return isLast ? { next: end, decoded: 'nothing' } : undefined;
  const next = lineEndAt(data, end, isLast);
  if (next === undefined) return undefined;
  return next > end ? { next, decoded: 'nothing' } : itself;
}

/** @returns undefined where more octets are needed to say */
function readBlanks(data: Buffer, position: number, isLast: boolean): Piece | undefined {
  const end = blanksEnd(data, position);
  if (end - position >= MAX_HELD) return { next: end, decoded: 'itself' };
  if (end >= data.length) return isLast ? { next: end, decoded: 'nothing' } : undefined;
  const next = lineEndAt(data, end, isLast);
  if (next === undefined) return undefined;
  return { next: end, decoded: next > end ? 'nothing' : 'itself' };
}

function blanksEnd(data: Buffer, position: number): number {
  let end = position;
  while (end < data.length && end - position < MAX_HELD && isBlank(data[end])) end += 1;
  return end;
}

/** One past the line end at the position; the position where there is none; undefined where half of one is here. */
function lineEndAt(data: Buffer, position: number, isLast: boolean): number | undefined {
  if (data[position] === LF) return position + 1;
  if (data[position] !== CR) return position;
  if (position + 1 >= data.length) return isLast ? position : undefined;
  return data[position + 1] === LF ? position + 2 : position;
}

function isBlank(octet: number | undefined): boolean {
  return octet === SPACE || octet === TAB;
}

function hexValue(octet: number | undefined): number {
  if (octet === undefined) return -1;
  if (octet >= 48 && octet <= 57) return octet - 48;
  const letter = octet | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}
