import { dayNumber, MONTHS } from '../protocol/date.ts';
import type { ZonedTime } from '../protocol/zoned-time.ts';
import type { Decoder } from '../wire/decoder.ts';
import { SyntaxFault } from '../wire/faults.ts';

const DATE = /^(\d{1,2})-([A-Za-z]{3})-(\d{4})$/;
const DATE_TIME = /^([ \d]\d)-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)$/;
const DAY_MS = 86_400_000;

function monthOf(name: string): number {
  return MONTHS.findIndex((month) => month.toLowerCase() === name.toLowerCase());
}

function dayOf(day: string, month: string, year: string): number {
  const index = monthOf(month);
  const found = index < 0 ? undefined : dayNumber(Number(year), index, Number(day));
  if (found === undefined) throw new SyntaxFault('There is no such date');
  return found;
}

/** date: with or without quotes; days since 1970-01-01. */
export function readDate(decoder: Decoder): number {
  const [, day, month, year] = DATE.exec(decoder.astring()) ?? [];
  if (day === undefined || month === undefined || year === undefined) throw new SyntaxFault('Expected a date');
  return dayOf(day, month, year);
}

/** date-time, e.g. `"17-Jul-1996 02:44:25 -0700"`. */
export function readDateTime(decoder: Decoder): ZonedTime {
  const match = DATE_TIME.exec(decoder.string());
  if (match === null) throw new SyntaxFault('Expected a date and time');
  const [, day = '', month = '', year = '', hours, minutes, seconds, sign, zoneHours, zoneMins] = match;
  const time = { hours: Number(hours), minutes: Number(minutes), seconds: Number(seconds) };
  const zone = Number(zoneHours) * 60 + Number(zoneMins);
  if (time.hours > 23 || time.minutes > 59 || time.seconds > 60 || Number(zoneMins) > 59 || zone > 24 * 60) {
    throw new SyntaxFault('There is no such time');
  }
  const zoneMinutes = sign === '-' ? -zone : zone;
  const local = dayOf(day.trim(), month, year) * DAY_MS + (time.hours * 3600 + time.minutes * 60 + time.seconds) * 1000;
  return { at: local - zoneMinutes * 60_000, zoneMinutes };
}
