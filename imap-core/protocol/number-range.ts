/** Inclusive; `from` ≤ `to`. */
export interface NumberRange {
  readonly from: number;
  readonly to: number;
}

/** Ranges of UIDs in ascending order, not overlapping, never expanded; `to` may exceed what exists. */
export type UidRanges = readonly NumberRange[];
