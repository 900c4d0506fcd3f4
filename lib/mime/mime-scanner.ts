import { beginsWithDashes, MAX_DELIMITER_OCTETS } from './delimiters.ts';
import type { Delimiter } from './delimiters.ts';
import { HeaderBlock } from './header-block.ts';
import { PartTree } from './part-tree.ts';
import type { Place } from './part-tree.ts';
import { DEFAULT_MIME_LIMITS } from './scanner.ts';
import type { MimeLimits, MimeScanner, MimeSink, ScannedMessage } from './scanner.ts';

const LF = 10;
const CR = 13;
const DASH = 45;
const NOTHING = Buffer.alloc(0);
const NEEDS_MORE = -1;

/**
 * A scanner of one message. Every octet is looked at once; bodies are never held, only the header block being read
 * and, between writes, at most a line that may become a delimiter with the line end before it.
 */
export function createMimeScanner(sink: MimeSink, limits: MimeLimits = DEFAULT_MIME_LIMITS): MimeScanner {
  return new LineScanner(sink, limits);
}

/** Goes from line start to line start; the tree knows what the lines mean. */
class LineScanner implements MimeScanner {
  readonly #sink: MimeSink;
  readonly #tree: PartTree;
  readonly #header: HeaderBlock;

  /** The octets at hand: what was held back, then what was written. Indexes below are positions in it. */
  #data: Buffer = NOTHING;
  /** Offset in the message of the first octet at hand. */
  #base = 0;
  /** Octets at hand that the sink has. */
  #emitted = 0;
  /** Where in what is held back scanning goes on. */
  #resumeAt = 0;

  #isMidLine = false;
  /** Offsets in the message: the line being read, the line end before it, the line before that. */
  #line = 0;
  #lineEnd = 0;
  #previousLine = 0;
  #lineEnds = 0;
  #bareLineEnds = 0;

  constructor(sink: MimeSink, limits: MimeLimits) {
    this.#sink = sink;
    this.#tree = new PartTree(sink, limits);
    this.#header = new HeaderBlock(limits.headerOctets);
  }

  write(octets: Buffer): void {
    if (octets.length === 0) return;
    this.#data = this.#data.length === 0 ? octets : Buffer.concat([this.#data, octets]);
    this.#scan(false);
  }

  end(): ScannedMessage {
    this.#scan(true);
    const place = this.#here(this.#base);
    this.#tree.discardUnbegun(this.#base);
    this.#endHeaders(place);
    this.#tree.end(place);
    const crlfSize = this.#base + this.#bareLineEnds + (this.#isMidLine ? 2 : 0);
    return { parts: this.#tree.parts, size: this.#base, crlfSize, isTruncated: this.#tree.isTruncated };
  }

  #scan(isLast: boolean): void {
    const data = this.#data;
    let position = this.#resumeAt;
    let keepFrom = data.length;
    this.#emitted = 0;
    for (;;) {
      if (!this.#isMidLine) {
        const next = this.#scanLineStart(position, isLast);
        if (next === NEEDS_MORE) {
          if (!isLast) keepFrom = this.#holdFrom(position);
          break;
        }
        if (next !== position) {
          position = next;
          continue;
        }
        this.#isMidLine = true;
      }
      const next = this.#tree.region === 'header' ? this.#passLine(position) : this.#passBodyLines(position);
      if (next === NEEDS_MORE) {
        // A CR at the end may be half of a line end.
        if (!isLast && data[data.length - 1] === CR) keepFrom = data.length - 1;
        position = keepFrom;
        break;
      }
      position = next;
    }
    this.#emitTo(keepFrom);
    this.#base += keepFrom;
    this.#resumeAt = Math.max(0, position - keepFrom);
    // A copy, for the writer may use its buffer again.
    this.#data = keepFrom < data.length ? Buffer.from(data.subarray(keepFrom)) : NOTHING;
  }

  /**
   * Decides what the line that begins at the position is.
   * @returns the start of the next line where this one is structure; the position where it is like any other;
   *   NEEDS_MORE where its octets are not all here
   */
  #scanLineStart(position: number, isLast: boolean): number {
    const data = this.#data;
    if (position >= data.length) return NEEDS_MORE;
    if (!this.#tree.delimiters.isEmpty) {
      const dashes = beginsWithDashes(data, position);
      if (dashes === undefined && !isLast) return NEEDS_MORE;
      if (dashes === true) {
        const lf = data.indexOf(LF, position);
        const end = lf < 0 ? data.length : lf;
        if (lf < 0 && !isLast && end - position <= MAX_DELIMITER_OCTETS) return NEEDS_MORE;
        const delimiter = this.#tree.delimiters.match(data, position, end);
        if (delimiter !== undefined) return this.#passDelimiter(delimiter, position, lf);
      }
    }
    return this.#tree.region === 'header' ? this.#scanHeaderLineStart(position, isLast) : position;
  }

  #scanHeaderLineStart(position: number, isLast: boolean): number {
    const first = this.#data[position];
    if (first !== CR && first !== LF) return position;
    if (first === CR && position + 1 >= this.#data.length && !isLast) return NEEDS_MORE;
    if (first === CR && this.#data[position + 1] !== LF) return position;
    const next = this.#passLineEnd(first === CR ? position + 1 : position);
    this.#emitTo(next);
    const { octets, isCut } = this.#header.take();
    this.#tree.endHeader(octets, isCut, this.#here(this.#base + next));
    return next;
  }

  #passDelimiter(delimiter: Delimiter, position: number, lf: number): number {
    // The line end before it is the delimiter's, unless it ends a header.
    if (this.#tree.region === 'leaf') this.#emitTo(Math.max(this.#emitted, this.#lineEnd - this.#base));
    else this.#emitTo(position);
    this.#endHeaders(this.#here(this.#base + position));
    this.#tree.passDelimiter(delimiter, {
      offset: this.#lineEnd,
      lineEnds: this.#lineEnds - 1,
      isMidLine: this.#lineEnd !== this.#previousLine,
    });
    const next = lf < 0 ? this.#data.length : this.#passLineEnd(lf);
    if (lf < 0) this.#isMidLine = true;
    this.#emitTo(next);
    if (!delimiter.isClose) this.#tree.beginPart(this.#base + next);
    return next;
  }

  /** Ends headers that no empty line ended, those of messages in them too. */
  #endHeaders(place: Place): void {
    while (this.#tree.region === 'header') {
      const { octets, isCut } = this.#header.take();
      this.#tree.endHeader(octets, isCut, place);
    }
  }

  /** @returns the start of the next line; NEEDS_MORE where the line does not end in the octets at hand */
  #passLine(position: number): number {
    const lf = this.#data.indexOf(LF, position);
    return lf < 0 ? NEEDS_MORE : this.#passLineEnd(lf);
  }

  /**
   * As `passLine`, but over all lines that cannot be delimiters: most octets of most messages pass here, so that fields
   * are kept in variables meanwhile.
   */
  #passBodyLines(start: number): number {
    const data = this.#data;
    const isWatching = !this.#tree.delimiters.isEmpty;
    let line = this.#line - this.#base;
    let previousLine = this.#previousLine - this.#base;
    let lineEnd = this.#lineEnd - this.#base;
    let lineEnds = 0;
    let bareLineEnds = 0;
    let position = start;
    let isMidLine = true;
    while (isMidLine) {
      const lf = data[position] === LF ? position : data.indexOf(LF, position);
      if (lf < 0) break;
      const hasCr = lf > 0 && data[lf - 1] === CR;
      lineEnd = hasCr ? lf - 1 : lf;
      lineEnds += 1;
      if (!hasCr) bareLineEnds += 1;
      previousLine = line;
      line = position = lf + 1;
      if (position >= data.length || (isWatching && data[position] === DASH)) isMidLine = false;
    }
    this.#line = this.#base + line;
    this.#previousLine = this.#base + previousLine;
    this.#lineEnd = this.#base + lineEnd;
    this.#lineEnds += lineEnds;
    this.#bareLineEnds += bareLineEnds;
    this.#isMidLine = isMidLine;
    return isMidLine ? NEEDS_MORE : position;
  }

  #passLineEnd(lf: number): number {
    const hasCr = lf > 0 && this.#data[lf - 1] === CR;
    if (!hasCr) this.#bareLineEnds += 1;
    this.#lineEnds += 1;
    this.#previousLine = this.#line;
    this.#lineEnd = this.#base + (hasCr ? lf - 1 : lf);
    this.#line = this.#base + lf + 1;
    this.#isMidLine = false;
    return lf + 1;
  }

  /** What must stay at hand while the line at the position cannot be told: in a leaf the line end before it too. */
  #holdFrom(position: number): number {
    if (this.#tree.region !== 'leaf' || this.#tree.delimiters.isEmpty) return position;
    return Math.max(this.#emitted, this.#lineEnd - this.#base);
  }

  #here(offset: number): Place {
    return { offset, lineEnds: this.#lineEnds, isMidLine: this.#isMidLine };
  }

  #emitTo(position: number): void {
    if (position <= this.#emitted) return;
    const octets = this.#data.subarray(this.#emitted, position);
    this.#emitted = position;
    if (this.#tree.region === 'leaf') {
      this.#sink.leafOctets(octets);
      return;
    }
    if (this.#tree.region === 'header') this.#header.append(octets);
    this.#sink.literal(octets);
  }
}
