import { decodeCharset } from './charset.ts';
import { decodeTransfer } from './transfer-decoding.ts';

/** Encoded words decoded in one field; the rest stays as written. */
const MAX_ENCODED_WORDS = 1000;
/** RFC 2047 allows 75; whole subjects in one word are met. */
const MAX_WORD_CHARACTERS = 64 * 1024;
const WORD_START = /=\?([^?\s*]{1,64})(?:\*[^?\s]{0,32})?\?([BbQq])\?/y;

/** Octets of adjacent encoded words of one charset: characters may be split between words, against RFC 2047. */
interface DecodedRun {
  readonly charset: string;
  readonly octets: Buffer[];
}

/**
 * The text of an unstructured field, phrase or comment (RFC 2047). Blanks between encoded words vanish; words that are
 * malformed stay as written; octets outside words are UTF-8 (RFC 6532) or, failing that, windows-1252. CR, LF and NUL
 * come out as spaces, so that what was encoded cannot begin a line of its own.
 * @param text unfolded, one character an octet (latin1)
 */
export function decodeHeaderText(text: string): string {
  const pieces: string[] = [];
  let run: DecodedRun | undefined;
  let words = 0;
  let plainStart = 0;
  let position = 0;
  let terminator = 0;
  const endRun = (): void => {
    if (run !== undefined) pieces.push(decodeCharset(Buffer.concat(run.octets), run.charset));
    run = undefined;
  };
  while (words < MAX_ENCODED_WORDS) {
    const start = text.indexOf('=?', position);
    if (start < 0) break;
    position = start + 2;
    WORD_START.lastIndex = start;
    const match = WORD_START.exec(text);
    if (match === null) continue;
    const contentStart = WORD_START.lastIndex;
    // Searched once for each terminator, however many words begin before it.
    if (terminator < contentStart) terminator = text.indexOf('?=', contentStart);
    if (terminator < 0) break;
    if (terminator - start > MAX_WORD_CHARACTERS) continue;
    const plain = text.slice(plainStart, start);
    if (run === undefined || plain.trim() !== '') {
      endRun();
      pieces.push(decodePlain(plain));
    }
    const charset = (match[1] ?? '').toLowerCase();
    const octets = decodeWord(match[2] ?? '', text.slice(contentStart, terminator));
    if (run?.charset !== charset) {
      endRun();
      run = { charset, octets: [octets] };
    } else run.octets.push(octets);
    words += 1;
    position = plainStart = terminator + 2;
  }
  endRun();
  pieces.push(decodePlain(text.slice(plainStart)));
  return pieces.join('').replace(/[\r\n\0]/g, ' ');
}

/** Octets given as latin1, as the text they most likely are: UTF-8, else windows-1252. */
export function decodePlain(text: string): string {
  return /^[\x00-\x7f]*$/.test(text) ? text : decodeCharset(Buffer.from(text, 'latin1'), undefined);
}

function decodeWord(encoding: string, content: string): Buffer {
  if (encoding === 'B' || encoding === 'b') return decodeTransfer(Buffer.from(content, 'latin1'), 'base64');
  const text = content
    .replaceAll('_', ' ')
    .replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(text, 'latin1');
}
