/**
 * How base64 text was laid out (RFC 2045 section 6.8): enough to write the very same octets again from what they
 * decode to. The text begins with a line and ends with its last character; what follows belongs to others.
 */
export interface Base64Layout {
  /** Characters in each line but the last, a multiple of 4; 0 where the text is one line. */
  readonly lineLength: number;
  /** Octets of a line end: 2 for CRLF, 1 for LF. */
  readonly lineEndOctets: 1 | 2;
  /** False where the last group lacks its `=`. */
  readonly isPadded: boolean;
}

/** Decoded octets encoded at a time, about. */
const BLOCK_OCTETS = 48 * 1024;

/** Octets of text that `decodedSize` octets are written as. */
export function encodedSize(layout: Base64Layout, decodedSize: number): number {
  const characters = layout.isPadded ? Math.ceil(decodedSize / 3) * 4 : Math.ceil((decodedSize * 4) / 3);
  if (layout.lineLength === 0 || characters === 0) return characters;
  return characters + (Math.ceil(characters / layout.lineLength) - 1) * layout.lineEndOctets;
}

/**
 * The octets [start, end) of the text, encoding only what is needed for them.
 * @param read gives the decoded octets [from, to)
 */
export async function* encodeRange(
  layout: Base64Layout,
  decodedSize: number,
  start: number,
  end: number,
  read: (from: number, to: number) => AsyncIterable<Buffer>,
): AsyncGenerator<Buffer, void, undefined> {
  if (start >= end) return;
  const { lineLength, lineEndOctets } = layout;
  // A unit is what can be encoded on its own: a line with its line end, or a group of four characters.
  const unitText = lineLength === 0 ? 4 : lineLength + lineEndOctets;
  const unitDecoded = lineLength === 0 ? 3 : (lineLength / 4) * 3;
  const firstUnit = Math.floor(start / unitText);
  const lastUnit = Math.floor((end - 1) / unitText);
  const decodedEnd = Math.min(decodedSize, (lastUnit + 1) * unitDecoded);
  let position = firstUnit * unitText;
  for await (const block of inUnits(read(firstUnit * unitDecoded, decodedEnd), unitDecoded)) {
    const isEnd = block.isLast && decodedEnd === decodedSize;
    const text = encodeBlock(layout, block.octets, isEnd);
    const from = Math.max(0, start - position);
    const to = Math.min(text.length, end - position);
    position += text.length;
    if (from < to) yield text.subarray(from, to);
  }
}

/**
 * What the text decodes to.
 * @param text the whole of it, as the layout says
 */
export async function* decodeText(
  layout: Base64Layout,
  text: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer, void, undefined> {
  const unit = layout.lineLength === 0 ? 4 : layout.lineLength + layout.lineEndOctets;
  // The decoder passes over line ends; whole lines hold whole groups.
  for await (const block of inUnits(text, unit)) yield Buffer.from(block.octets.toString('latin1'), 'base64');
}

/** @param isEnd whether the block holds the text's last octets: then there is no line end after its last line */
function encodeBlock(layout: Base64Layout, decoded: Buffer, isEnd: boolean): Buffer {
  const { lineLength, lineEndOctets } = layout;
  let characters = Buffer.from(decoded.toString('base64'), 'latin1');
  if (isEnd && !layout.isPadded) characters = characters.subarray(0, Math.ceil((decoded.length * 4) / 3));
  if (lineLength === 0) return characters;
  const lines = Math.ceil(characters.length / lineLength);
  const text = Buffer.allocUnsafe(characters.length + (isEnd ? lines - 1 : lines) * lineEndOctets);
  let written = 0;
  for (let line = 0; line < lines; line += 1) {
    written += characters.copy(text, written, line * lineLength, Math.min(characters.length, (line + 1) * lineLength));
    if (written === text.length) break;
    if (lineEndOctets === 2) text[written++] = 13;
    text[written++] = 10;
  }
  return text;
}

/** The octets in blocks of whole units; only the last block may end within one. */
async function* inUnits(
  octets: AsyncIterable<Buffer>,
  unit: number,
): AsyncGenerator<{ readonly octets: Buffer; readonly isLast: boolean }, void, undefined> {
  const capacity = Math.max(1, Math.floor(BLOCK_OCTETS / unit)) * unit;
  const block = Buffer.allocUnsafe(capacity);
  let filled = 0;
  for await (const piece of octets) {
    let taken = 0;
    while (taken < piece.length) {
      // A full block goes out when more is there, for only then it is not the last.
      if (filled === capacity) {
        yield { octets: block, isLast: false };
        filled = 0;
      }
      const copied = piece.copy(block, filled, taken);
      taken += copied;
      filled += copied;
    }
  }
  if (filled > 0) yield { octets: block.subarray(0, filled), isLast: true };
}
