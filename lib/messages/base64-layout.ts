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
  const decodedStart = firstUnit * unitDecoded;
  const capacity = blockCapacity(unitDecoded, decodedEnd - decodedStart);
  // Used again for each block: what goes through here is often large, and garbage would raise the peak of memory.
  const characters = Buffer.allocUnsafe(Math.ceil(capacity / 3) * 4);
  let position = firstUnit * unitText;
  for await (const block of inBlocks(read(decodedStart, decodedEnd), capacity)) {
    const isEnd = block.isLast && decodedEnd === decodedSize;
    const length = characters.write(block.octets.toString('base64'), 'latin1');
    const isCut = isEnd && !layout.isPadded;
    const used = isCut ? Math.ceil((block.octets.length * 4) / 3) : length;
    const text = withLineEnds(layout, characters.subarray(0, used), isEnd);
    const from = Math.max(0, start - position);
    const to = Math.min(text.length, end - position);
    position += text.length;
    if (from < to) yield text.subarray(from, to);
  }
}

/**
 * What the text decodes to; a piece is valid until the next is asked for.
 * @param text the whole of it, as the layout says
 */
export async function* decodeText(
  layout: Base64Layout,
  text: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer, void, undefined> {
  const unit = layout.lineLength === 0 ? 4 : layout.lineLength + layout.lineEndOctets;
  const capacity = blockCapacity(unit, Infinity);
  const decoded = Buffer.allocUnsafe(capacity);
  for await (const block of inBlocks(text, capacity)) {
    // The decoder passes over line ends; whole lines hold whole groups.
    yield decoded.subarray(0, decoded.write(block.octets.toString('latin1'), 'base64'));
  }
}

/** @param isEnd whether these are the text's last characters: then there is no line end after the last line */
function withLineEnds(layout: Base64Layout, characters: Buffer, isEnd: boolean): Buffer {
  const { lineLength, lineEndOctets } = layout;
  if (lineLength === 0) return Buffer.from(characters);
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

/** Octets of a block of whole units; no more than there are to come. */
function blockCapacity(unit: number, octets: number): number {
  return Math.max(1, Math.ceil(Math.min(BLOCK_OCTETS - unit, octets) / unit)) * unit;
}

/** The octets in blocks of that many; only the last may hold fewer. A block is valid until the next is asked for. */
async function* inBlocks(
  octets: AsyncIterable<Buffer>,
  capacity: number,
): AsyncGenerator<{ readonly octets: Buffer; readonly isLast: boolean }, void, undefined> {
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
