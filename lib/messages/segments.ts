import type { Base64Layout } from './base64-layout.ts';
import { OctetReader, OctetWriter } from './octet-coding.ts';

/** A stretch of a message's octets as received: a literal run, or one attachment. */
export type Segment =
  /** The next `length` octets of the skeleton. */
  | { readonly kind: 'literal'; readonly length: number }
  /** An attachment that holds just these octets. */
  | { readonly kind: 'verbatim'; readonly length: number; readonly attachment: number }
  /** An attachment that holds what these octets decode to. */
  | {
      readonly kind: 'base64';
      readonly length: number;
      /** Position in the document's list of attachments. */
      readonly attachment: number;
      readonly decodedSize: number;
      readonly layout: Base64Layout;
    };

const LITERAL = 0;
const VERBATIM = 1;
const BASE64 = 2;

/** As kept in the message document. */
export function encodeSegments(segments: readonly Segment[]): Buffer {
  const writer = new OctetWriter();
  for (const segment of segments) {
    switch (segment.kind) {
      case 'literal':
        writer.number(LITERAL);
        writer.number(segment.length);
        break;
      case 'verbatim':
        writer.number(VERBATIM);
        writer.number(segment.length);
        writer.number(segment.attachment);
        break;
      case 'base64':
        writer.number(BASE64);
        writer.number(segment.length);
        writer.number(segment.attachment);
        writer.number(segment.decodedSize);
        writer.number(segment.layout.lineLength);
        writer.number(segment.layout.lineEndOctets);
        writer.number(segment.layout.isPadded ? 1 : 0);
        break;
    }
  }
  return writer.finish();
}

/** @throws RangeError where the table is damaged */
export function decodeSegments(octets: Buffer): Segment[] {
  const reader = new OctetReader(octets);
  const segments: Segment[] = [];
  while (!reader.isAtEnd) {
    const kind = reader.number();
    const length = reader.number();
    if (kind === LITERAL) segments.push({ kind: 'literal', length });
    else if (kind === VERBATIM) segments.push({ kind: 'verbatim', length, attachment: reader.number() });
    else if (kind === BASE64) segments.push(readBase64(reader, length));
    else throw new RangeError(`a segment of kind ${kind}`);
  }
  return segments;
}

function readBase64(reader: OctetReader, length: number): Segment {
  const attachment = reader.number();
  const decodedSize = reader.number();
  const lineLength = reader.number();
  const lineEndOctets = reader.number() === 1 ? 1 : 2;
  return {
    kind: 'base64',
    length,
    attachment,
    decodedSize,
    layout: { lineLength, lineEndOctets, isPadded: reader.number() === 1 },
  };
}

/** A segment's share of a range. */
export interface SegmentRange {
  readonly segment: Segment;
  /** Octets [from, to) of the segment. */
  readonly from: number;
  readonly to: number;
  /** Where the segment's first octet lies in the skeleton, for literal runs. */
  readonly skeletonStart: number;
}

/** The segments that make up the octets [start, end), in order. */
export function* segmentsOf(segments: readonly Segment[], start: number, end: number): Generator<SegmentRange> {
  let position = 0;
  let skeletonStart = 0;
  for (const segment of segments) {
    if (position >= end) return;
    const from = Math.max(0, start - position);
    const to = Math.min(segment.length, end - position);
    if (from < to) yield { segment, from, to, skeletonStart };
    position += segment.length;
    if (segment.kind === 'literal') skeletonStart += segment.length;
  }
}
