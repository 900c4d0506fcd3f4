import { Delimiters } from './delimiters.ts';
import type { Delimiter } from './delimiters.ts';
import { readHeaderFields } from './header-fields.ts';
import { partHeaderOctets, readPartHeader, reducePartHeader } from './part-header.ts';
import type { PartHeader } from './part-header.ts';
import type { HeaderFields } from './header-fields.ts';
import { PartTable } from './part-table.ts';
import type { PartDraft } from './part-table.ts';
import type { MimeLimits, MimePart, MimeSink } from './scanner.ts';

/** What the octets from here on belong to. */
export type Region = 'header' | 'leaf' | 'literal';

/** A place between two octets of the message, and what was counted up to it. */
export interface Place {
  readonly offset: number;
  /** LF octets before it. */
  readonly lineEnds: number;
  /** Whether the octet before it is something else than LF. */
  readonly isMidLine: boolean;
}

interface OpenPart {
  readonly part: PartDraft;
  /** Of a multipart whose close delimiter has not been seen. */
  boundary: string | undefined;
}

/** The tree of parts as it grows: what is open from the root down, and which delimiters that makes count. */
export class PartTree {
  readonly delimiters = new Delimiters();
  region: Region = 'header';
  isTruncated = false;
  readonly #sink: MimeSink;
  readonly #limits: MimeLimits;
  readonly #table: PartTable;
  readonly #open: OpenPart[] = [];
  /** Octets of header blocks that may still be kept for embedded messages, which share one block's limit. */
  #headerBudget: number;
  /** Octets of fields that the texts of all parts may still be kept of; the same limit once more. */
  #textBudget: number;

  constructor(sink: MimeSink, limits: MimeLimits) {
    this.#sink = sink;
    this.#limits = limits;
    this.#headerBudget = limits.headerOctets;
    this.#textBudget = limits.headerOctets;
    this.#table = new PartTable(limits);
    this.#begin(undefined, 0);
  }

  get parts(): readonly MimePart[] {
    return this.#table.parts;
  }

  /**
   * The innermost part's header is complete: decides what its body is. Leaves the region at `header` where the body is
   * a message, whose own header begins at the same place.
   * @param isCut whether the block is less than the header
   */
  endHeader(block: Buffer, isCut: boolean, bodyStart: Place): void {
    const open = this.#open.at(-1);
    if (open === undefined) return;
    const { part } = open;
    part.bodyStart = bodyStart.offset;
    part.lineEndsBefore = bodyStart.lineEnds;
    const parent = this.#table.parts[part.parent];
    const header = readHeaderFields(block, this.#limits);
    if (isCut || header.isTruncated) this.isTruncated = true;
    const isInDigest = parent?.kind === 'multipart' && parent.subtype === 'digest';
    Object.assign(part, this.#keptFields(header, isInDigest));
    if (parent?.kind !== 'multipart') part.headerOctets = this.#keptHeader(block, parent === undefined);
    part.kind = this.#kindOf(part);
    this.#table.number(part);
    if (part.kind === 'multipart') {
      open.boundary = boundaryOf(part);
      this.delimiters.open(open.boundary ?? '', this.#open.length - 1);
      this.region = 'literal';
    } else if (part.kind === 'message') {
      this.#begin(part, bodyStart.offset);
    } else {
      const { index, type, subtype, encoding } = part;
      this.#sink.leafStart({ index, type, subtype, encoding });
      this.region = 'leaf';
    }
  }

  /**
   * A delimiter has been read: ends the parts inside its multipart.
   * @param bodyEnd where those parts end: before the line end that belongs to the delimiter
   */
  passDelimiter({ level, isClose }: Delimiter, bodyEnd: Place): void {
    while (this.#open.length - 1 > level) this.#closeInnermost(bodyEnd);
    this.region = 'literal';
    const multipart = this.#open[level];
    if (!isClose || multipart?.boundary === undefined) return;
    this.delimiters.close(level);
    multipart.boundary = undefined;
  }

  /** A part of the innermost multipart begins at the offset; one too many stays opaque. */
  beginPart(headerStart: number): void {
    const parent = this.#open.at(-1)?.part;
    if (this.#table.isFull) this.isTruncated = true;
    else this.#begin(parent, headerStart);
  }

  /** A delimiter at the very end of the message begins no part: takes back the one it seemed to begin. */
  discardUnbegun(offset: number): void {
    const part = this.#open.at(-1)?.part;
    const parent = this.#table.parts[part?.parent ?? -1];
    if (this.region !== 'header' || part?.headerStart !== offset || parent?.kind !== 'multipart') return;
    this.#open.pop();
    this.#table.removeLast();
    this.region = 'literal';
  }

  /** The message ends here. */
  end(place: Place): void {
    while (this.#open.length > 0) this.#closeInnermost(place);
  }

  #begin(parent: PartDraft | undefined, headerStart: number): void {
    this.#open.push({ part: this.#table.add(parent, headerStart), boundary: undefined });
    this.region = 'header';
  }

  #closeInnermost(bodyEnd: Place): void {
    const { part, boundary } = this.#open.pop() ?? {};
    if (part === undefined) return;
    if (boundary !== undefined) this.delimiters.close(this.#open.length);
    const lastChild = this.#table.parts[part.children.at(-1) ?? -1];
    part.bodyEnd = Math.max(part.bodyStart, bodyEnd.offset, lastChild?.bodyEnd ?? 0);
    if (part.bodyEnd > part.bodyStart) {
      // A child without any octets begins behind the line end at which this part would end.
      const isPastLineEnd = part.bodyEnd > bodyEnd.offset;
      const lineEnds = bodyEnd.lineEnds + (isPastLineEnd || bodyEnd.isMidLine ? 1 : 0);
      part.bodyLines = lineEnds - part.lineEndsBefore;
    }
    if (this.region === 'leaf') this.#sink.leafEnd(part.index);
    this.region = 'literal';
    if (part.kind === 'multipart' && part.children.length === 0) this.#flatten(part);
  }

  /** A multipart must have parts (RFC 2046 section 5.1): without any it is the text it looks like. */
  #flatten(part: PartDraft): void {
    part.kind = 'leaf';
    makePlainText(part);
    this.#table.number(part);
  }

  #kindOf(part: PartDraft): MimePart['kind'] {
    if (part.type === 'multipart') {
      const boundary = boundaryOf(part);
      if (boundary === undefined) {
        // A multipart without a boundary is a malformed type, for which the default holds (RFC 2045 section 5.2).
        makePlainText(part);
        return 'leaf';
      }
      if (boundary.length <= this.#limits.boundaryOctets && this.#table.mayContain(part)) return 'multipart';
      this.isTruncated = true;
      return 'leaf';
    }
    if (part.type !== 'message' || (part.subtype !== 'rfc822' && part.subtype !== 'global')) return 'leaf';
    // Encoded, its octets are not the message's (RFC 2046 section 5.2.1 forbids it; it is met all the same).
    if (part.encoding !== '7bit' && part.encoding !== '8bit' && part.encoding !== 'binary') return 'leaf';
    if (this.#table.mayContain(part)) return 'message';
    this.isTruncated = true;
    return 'leaf';
  }

  #keptFields(fields: HeaderFields, isInDigest: boolean): PartHeader {
    const header = readPartHeader(fields, isInDigest, this.#limits);
    const octets = partHeaderOctets(fields);
    if (octets <= this.#textBudget) {
      this.#textBudget -= octets;
      return header;
    }
    this.isTruncated = true;
    return reducePartHeader(header);
  }

  #keptHeader(block: Buffer, isRoot: boolean): Buffer {
    if (isRoot) return Buffer.from(block);
    if (block.length > this.#headerBudget) {
      this.isTruncated = true;
      return Buffer.alloc(0);
    }
    this.#headerBudget -= block.length;
    return Buffer.from(block);
  }
}

function boundaryOf(part: PartDraft): string | undefined {
  const boundary = part.parameters.get('boundary');
  return boundary === '' ? undefined : boundary;
}

function makePlainText(part: PartDraft): void {
  part.type = 'text';
  part.subtype = 'plain';
  part.parameters = new Map();
}
