import { TextDecoder } from 'node:util';
import iconv from 'iconv-lite';

/** Turns octets of one charset into text, piece by piece. */
export interface CharsetDecoder {
  write(octets: Buffer): string;
  end(): string;
}

const LABEL = /^[a-z0-9][a-z0-9_.:+()-]{0,39}$/;
/** What the WHATWG calls UTF-16 is little-endian without a look at the byte order mark: left to iconv-lite. */
const NOT_FOR_TEXT_DECODER = new Set(['utf-16', 'utf16', 'unicode', 'ucs-2', 'iso-10646-ucs-2']);
/** Encodings of iconv-lite that are no charsets. */
const NO_CHARSETS = new Set(['base64', 'hex', 'internal', 'binary']);
/** Charsets, letters and digits of their names, that say nothing of octets above 127: a look at these tells more. */
const SAYS_NOTHING = new Set(['', 'usascii', 'ascii', 'ansix341968', '7bit', '8bit', 'xunknown', 'unknown8bit']);

/**
 * A decoder for the charset of that name, as mail names it. Names that are unknown or say nothing (`us-ascii` with
 * 8-bit octets is common) give UTF-8 for as long as it is valid, then windows-1252. Invalid octets give U+FFFD.
 */
export function createCharsetDecoder(charset: string | undefined): CharsetDecoder {
  const name = (charset ?? '')
    .trim()
    .replace(/^["']|["']$/g, '')
    .toLowerCase();
  if (SAYS_NOTHING.has(name.replace(/[^a-z0-9]/g, '')) || !LABEL.test(name)) return new GuessingDecoder();
  const native = NOT_FOR_TEXT_DECODER.has(name) ? undefined : textDecoderOf(name);
  if (native !== undefined) {
    return { write: (octets) => native.decode(octets, { stream: true }), end: () => native.decode() };
  }
  if (NO_CHARSETS.has(name) || !iconv.encodingExists(name)) return new GuessingDecoder();
  const stream = iconv.getDecoder(name);
  const decoder = { write: (octets: Buffer): string => stream.write(octets), end: (): string => stream.end() ?? '' };
  return name.includes('utf-7') || name.includes('utf7') ? new WordWiseDecoder(decoder) : decoder;
}

/** As `createCharsetDecoder`, all at once. */
export function decodeCharset(octets: Buffer, charset: string | undefined): string {
  const decoder = createCharsetDecoder(charset);
  return decoder.write(octets) + decoder.end();
}

function textDecoderOf(name: string): TextDecoder | undefined {
  try {
    return new TextDecoder(name);
  } catch {
    // Not one of the encodings that Node knows.
    return undefined;
  }
}

/** Octets without a blank that are held back at most. */
const MAX_HELD = 64 * 1024;

/**
 * Feeds a decoder whole words: that of iconv-lite for UTF-7 loses what a cut within a run of base64 leaves. Blanks end
 * such runs (RFC 2152).
 */
class WordWiseDecoder implements CharsetDecoder {
  readonly #decoder: CharsetDecoder;
  #held: Buffer = Buffer.alloc(0);

  constructor(decoder: CharsetDecoder) {
    this.#decoder = decoder;
  }

  write(octets: Buffer): string {
    const data = this.#held.length === 0 ? octets : Buffer.concat([this.#held, octets]);
    const blank = Math.max(data.lastIndexOf(0x20), data.lastIndexOf(0x0a), data.lastIndexOf(0x0d));
    const end = data.length - blank - 1 > MAX_HELD ? data.length : blank + 1;
    this.#held = Buffer.from(data.subarray(end));
    return end === 0 ? '' : this.#decoder.write(data.subarray(0, end));
  }

  end(): string {
    return this.#decoder.write(this.#held) + this.#decoder.end();
  }
}

/** UTF-8 until it is not, then windows-1252, which gives a character for every octet. */
class GuessingDecoder implements CharsetDecoder {
  readonly #utf8 = new TextDecoder('utf-8', { fatal: true });
  readonly #latin = new TextDecoder('windows-1252');
  #isUtf8 = true;
  /** The beginning of a character whose end has not come, 3 octets at most. */
  #rest: Buffer = Buffer.alloc(0);

  write(octets: Buffer): string {
    return this.#decode(octets, false);
  }

  end(): string {
    return this.#decode(Buffer.alloc(0), true);
  }

  #decode(octets: Buffer, isLast: boolean): string {
    if (!this.#isUtf8) return this.#latin.decode(octets);
    const data = this.#rest.length === 0 ? octets : Buffer.concat([this.#rest, octets]);
    const complete = isLast ? data.length : data.length - incompleteTail(data);
    this.#rest = Buffer.from(data.subarray(complete));
    try {
      return this.#utf8.decode(data.subarray(0, complete));
    } catch {
      this.#isUtf8 = false;
      this.#rest = Buffer.alloc(0);
      return this.#latin.decode(data);
    }
  }
}

/** How many octets at the end begin a UTF-8 character without ending it. */
function incompleteTail(data: Buffer): number {
  for (let back = 1; back <= 3 && back <= data.length; back += 1) {
    const octet = data[data.length - back] ?? 0;
    if (octet < 0x80) return 0;
    if (octet < 0xc0) continue;
    const length = octet >= 0xf0 ? 4 : octet >= 0xe0 ? 3 : 2;
    return length > back ? back : 0;
  }
  return 0;
}
