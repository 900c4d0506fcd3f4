import type { NumberRange } from './number-range.ts';

/** Stands for `*`, the largest number in use. */
export const STAR = Infinity;

/**
 * A sequence-set as the client wrote it (RFC 3501 section 9), never expanded: pairs of numbers in any order, `*` as
 * `STAR`.
 */
export type MessageSet = readonly NumberRange[];

/** Ascending, not overlapping, not adjacent. */
export function mergeRanges(ranges: readonly NumberRange[]): NumberRange[] {
  const sorted = [...ranges].sort((a, b) => a.from - b.from);
  const merged: NumberRange[] = [];
  let last: NumberRange | undefined;
  for (const range of sorted) {
    if (last !== undefined && range.from <= last.to + 1) {
      last = { from: last.from, to: Math.max(last.to, range.to) };
      merged[merged.length - 1] = last;
    } else {
      last = range;
      merged.push(range);
    }
  }
  return merged;
}

/**
 * The set with `*` replaced, in order and merged. `n:*` always holds the largest number, also where n is above it
 * (RFC 3501 section 6.4.8).
 */
export function resolveSet(set: MessageSet, largest: number): NumberRange[] {
  return mergeRanges(
    set.map(({ from, to }) => {
      const a = from === STAR ? largest : from;
      const b = to === STAR ? largest : to;
      return a <= b ? { from: a, to: b } : { from: b, to: a };
    }),
  );
}

/** Ascending ranges as a sequence-set. */
export function rangesText(ranges: readonly NumberRange[]): string {
  return ranges.map(({ from, to }) => (from === to ? String(from) : `${from}:${to}`)).join(',');
}

/** Ascending numbers as a sequence-set in its shortest form, e.g. `1:3,7`. */
export function setText(numbers: Iterable<number>): string {
  const parts: string[] = [];
  let from = 0;
  let to = 0;
  const close = (): void => {
    if (from !== 0) parts.push(from === to ? String(from) : `${from}:${to}`);
  };
  for (const number of numbers) {
    if (from !== 0 && number === to + 1) {
      to = number;
    } else {
      close();
      from = number;
      to = number;
    }
  }
  close();
  return parts.join(',');
}
