import type { UidRanges } from './journal.ts';
import { PackReader, PackWriter } from './packing.ts';

const MAX_UID = 2 ** 32 - 1;

/**
 * UIDs as ascending, disjoint, inclusive ranges packed as differences: 100,000 consecutive UIDs take a few octets.
 */
export function encodeUidRanges(ranges: UidRanges): Buffer {
  const writer = new PackWriter(16 + ranges.length * 4);
  let last = 0;
  for (const { from, to } of ranges) {
    if (from <= last || to < from || to > MAX_UID) throw new RangeError(`UID ranges out of order at ${from}`);
    writer.varint(from - last - 1);
    writer.varint(to - from);
    last = to;
  }
  return writer.finish();
}

/** @throws RangeError where the octets are not what `encodeUidRanges` makes */
export function decodeUidRanges(packed: Buffer): UidRanges {
  const reader = new PackReader(packed);
  const ranges: { from: number; to: number }[] = [];
  let last = 0;
  while (!reader.isAtEnd) {
    const from = last + reader.varint() + 1;
    const to = from + reader.varint();
    if (to > MAX_UID) throw new RangeError('UID beyond its range');
    ranges.push({ from, to });
    last = to;
  }
  return ranges;
}

/** Gathers ascending UIDs, each once, as ranges. */
export class RangeBuilder {
  readonly ranges: { from: number; to: number }[] = [];
  #open: { from: number; to: number } | undefined;

  add(uid: number): void {
    this.addRange(uid, uid);
  }

  addRange(from: number, to: number): void {
    if (this.#open?.to === from - 1) {
      this.#open.to = to;
      return;
    }
    this.#open = { from, to };
    this.ranges.push(this.#open);
  }
}

/** Ascending UIDs, each once, as ranges. */
export function rangesOf(uids: Iterable<number>): UidRanges {
  const builder = new RangeBuilder();
  for (const uid of uids) builder.add(uid);
  return builder.ranges;
}

/** Every UID of the ranges; for ranges that name existing messages only. */
export function* uidsOf(ranges: UidRanges): Generator<number> {
  for (const { from, to } of ranges) for (let uid = from; uid <= to; uid += 1) yield uid;
}

/** How many UIDs the ranges name. */
export function countUids(ranges: UidRanges): number {
  let count = 0;
  for (const { from, to } of ranges) count += to - from + 1;
  return count;
}

/** In ascending order with overlaps and neighbours joined, empty ranges left out; `limit` cuts what is larger. */
export function normalizeRanges(ranges: UidRanges, limit = MAX_UID): UidRanges {
  const sorted = ranges
    .map(({ from, to }) => ({ from: Math.max(1, from), to: Math.min(limit, to) }))
    .filter(({ from, to }) => from <= to)
    .sort((a, b) => a.from - b.from);
  const joined: { from: number; to: number }[] = [];
  for (const range of sorted) {
    const last = joined.at(-1);
    if (last !== undefined && range.from <= last.to + 1) last.to = Math.max(last.to, range.to);
    else joined.push(range);
  }
  return joined;
}

/** What both name; both ascending and disjoint. */
export function intersectRanges(one: UidRanges, other: UidRanges): UidRanges {
  const common: { from: number; to: number }[] = [];
  let at = 0;
  for (const { from, to } of one) {
    while ((other[at]?.to ?? Infinity) < from) at += 1;
    for (let next = at; (other[next]?.from ?? Infinity) <= to; next += 1) {
      const own = other[next];
      if (own !== undefined) common.push({ from: Math.max(from, own.from), to: Math.min(to, own.to) });
    }
  }
  return common;
}

/** The ranges, ascending and disjoint, without the UIDs, which ascend. */
export function withoutUids(ranges: UidRanges, uids: Uint32Array): UidRanges {
  const left: { from: number; to: number }[] = [];
  let at = 0;
  for (const { from, to } of ranges) {
    let next = from;
    while (at < uids.length && (uids[at] ?? 0) < from) at += 1;
    for (; at < uids.length && (uids[at] ?? 0) <= to; at += 1) {
      const uid = uids[at] ?? 0;
      if (uid > next) left.push({ from: next, to: uid - 1 });
      next = uid + 1;
    }
    if (next <= to) left.push({ from: next, to });
  }
  return left;
}
