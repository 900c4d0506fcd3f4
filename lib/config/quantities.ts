/** Sizes and durations as people write them. */

const SIZE_UNITS: readonly (readonly [string, number])[] = [
  ['TiB', 1024 ** 4],
  ['GiB', 1024 ** 3],
  ['MiB', 1024 ** 2],
  ['KiB', 1024],
];

const DURATION_UNITS: readonly (readonly [string, number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
];

/** `64MiB`, `5 GiB` or a plain number of octets; undefined where it is none of these. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d{1,15}) ?(TiB|GiB|MiB|KiB)?$/.exec(text);
  return match === null ? undefined : inUnits(match[1], match[2], SIZE_UNITS);
}

/** `250ms`, `30s`, `5m`, `24h` or `8d` as milliseconds; a number without a unit could mean anything. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,15}) ?(ms|s|m|h|d)$/.exec(text);
  return match === null ? undefined : inUnits(match[1], match[2], DURATION_UNITS);
}

/** In the largest unit that leaves no fraction. */
export function formatSize(octets: number): string {
  const [unit, factor] = SIZE_UNITS.find(([, size]) => octets > 0 && octets % size === 0) ?? ['', 1];
  return `${String(octets / factor)}${unit}`;
}

/** In the largest unit that leaves no fraction. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds === 0) return '0s';
  const [unit, factor] = DURATION_UNITS.find(([, span]) => milliseconds % span === 0) ?? ['ms', 1];
  return `${String(milliseconds / factor)}${unit}`;
}

function inUnits(
  digits: string | undefined,
  unit: string | undefined,
  units: readonly (readonly [string, number])[],
): number | undefined {
  const factor = unit === undefined ? 1 : (units.find(([name]) => name === unit)?.[1] ?? 1);
  const value = Number(digits) * factor;
  return Number.isSafeInteger(value) ? value : undefined;
}
