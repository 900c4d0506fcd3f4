/** Inclusive; `from` ≤ `to`. */
export interface NumberRange {
  readonly from: number;
  readonly to: number;
}

/** Ranges of UIDs in ascending order, not overlapping, never expanded; `to` may exceed what exists. */
export type UidRanges = readonly NumberRange[];

/** True where one of the ascending ranges holds the number. */
export function isWithin(ranges: readonly NumberRange[], number: number): boolean {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ranges[middle]?.to ?? 0) < number) low = middle + 1;
    else high = middle;
  }
  return (ranges[low]?.from ?? Infinity) <= number;
}

/** What of the ranges the others do not hold; both ascending and not overlapping. */
export function withoutRanges(ranges: readonly NumberRange[], others: readonly NumberRange[]): NumberRange[] {
  const left: NumberRange[] = [];
  let at = 0;
  for (const { from, to } of ranges) {
    let next = from;
    while ((others[at]?.to ?? Infinity) < from) at += 1;
    for (let index = at; index < others.length && next <= to; index += 1) {
      const other = others[index];
      if (other === undefined || other.from > to) break;
      if (other.from > next) left.push({ from: next, to: other.from - 1 });
      next = other.to + 1;
    }
    if (next <= to) left.push({ from: next, to });
  }
  return left;
}
