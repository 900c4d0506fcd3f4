import type { RowSegmentRef } from './checkpoint.ts';
import type { Columns } from './columns.ts';
import { asDamage, otherFormat } from './damage.ts';
import { PackReader, PackWriter } from './packing.ts';

/** Rows of a full segment. */
export const SEGMENT_ROWS = 4096;

const FORMAT = 1;

/** The rows at positions [from, to) in one Binary: format, extra keywords, then the columns as they lie in memory. */
export function packRowSegment(columns: Columns, from: number, to: number): Buffer {
  const slice = columns.slice(from, to);
  const writer = new PackWriter(64 + slice.columns.length);
  writer.octet(FORMAT);
  writer.varint(slice.extra.length);
  for (const [uid, positions] of slice.extra) {
    writer.varint(uid);
    writer.varint(positions.length);
    for (const position of positions) writer.varint(position);
  }
  writer.varint(slice.columns.length);
  writer.octets(slice.columns);
  return writer.finish();
}

/** @throws MailError `unavailable` where the octets are of another format, or damaged, which is told as damage */
export function addRowSegment(columns: Columns, packed: Buffer, count: number): void {
  try {
    const reader = new PackReader(packed);
    if (reader.octet() !== FORMAT) throw otherFormat('a segment of another format');
    const extra = Array.from({ length: reader.varint() }, (): [number, number[]] => [
      reader.varint(),
      Array.from({ length: reader.varint() }, () => reader.varint()),
    ]);
    columns.addSlice(count, reader.octets(reader.varint()), extra);
  } catch (error) {
    throw asDamage(error);
  }
}

/** A run of rows in a new layout of segments. */
export type SegmentPlan =
  | { readonly kind: 'keep'; readonly ref: RowSegmentRef }
  | { readonly kind: 'write'; readonly from: number; readonly to: number };

/**
 * Which segments stand as they are and which rows are to be written. A segment stands if it still has all its
 * rows and none of them changed since, for every change gives a row a higher modseq.
 */
export function planSegments(columns: Columns, segments: readonly RowSegmentRef[], since: number): SegmentPlan[] {
  const plan: SegmentPlan[] = [];
  let unwritten = 0;
  let position = 0;
  const write = (to: number): void => {
    for (let from = unwritten; from < to; from += SEGMENT_ROWS)
      plan.push({ kind: 'write', from, to: Math.min(to, from + SEGMENT_ROWS) });
    unwritten = to;
  };
  segments.forEach((ref, index) => {
    const end = columns.lowerBound(ref.last + 1);
    const isLast = index === segments.length - 1;
    // Rows that follow a last segment with room are written together with it.
    const takesMore = isLast && end < columns.count && ref.count < SEGMENT_ROWS;
    if (end - position === ref.count && !takesMore && !hasChanges(columns, position, end, since)) {
      write(position);
      plan.push({ kind: 'keep', ref });
      unwritten = end;
    }
    position = end;
  });
  write(columns.count);
  return plan;
}

function hasChanges(columns: Columns, from: number, to: number, since: number): boolean {
  for (let at = from; at < to; at += 1) if (columns.modseq(at) > since) return true;
  return false;
}
