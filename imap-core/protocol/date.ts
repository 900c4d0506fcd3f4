import type { ZonedTime } from './zoned-time.ts';

export const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;
const DAY_MS = 86_400_000;

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}

/** RFC 3501 date-time without its quotes, e.g. `17-Jul-1996 02:44:25 -0700`. */
export function dateTimeText({ at, zoneMinutes }: ZonedTime): string {
  const local = new Date(at + zoneMinutes * 60_000);
  const zone = Math.abs(zoneMinutes);
  const sign = zoneMinutes < 0 ? '-' : '+';
  const day = String(local.getUTCDate()).padStart(2, ' ');
  const month = MONTHS[local.getUTCMonth()] ?? 'Jan';
  const year = String(local.getUTCFullYear()).padStart(4, '0');
  const time = `${two(local.getUTCHours())}:${two(local.getUTCMinutes())}:${two(local.getUTCSeconds())}`;
  return `${day}-${month}-${year} ${time} ${sign}${two(Math.floor(zone / 60))}${two(zone % 60)}`;
}

/** Days since 1970-01-01 on the calendar of the time's own zone: SEARCH disregards time and zone (section 6.4.4). */
export function localDay({ at, zoneMinutes }: ZonedTime): number {
  return Math.floor((at + zoneMinutes * 60_000) / DAY_MS);
}

/** Days since 1970-01-01, or undefined where there is no such date. `month` counts from 0. */
export function dayNumber(year: number, month: number, day: number): number | undefined {
  const at = new Date(0);
  at.setUTCFullYear(year, month, day);
  if (at.getUTCMonth() !== month || at.getUTCDate() !== day) return undefined;
  return at.getTime() / DAY_MS;
}
