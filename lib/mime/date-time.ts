import type { ZonedTime } from '../kernel/clock.ts';

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** Obsolete zones (RFC 5322 section 4.3), minutes east of Greenwich; other letters mean nothing and count as UTC. */
const ZONES = new Map<string, number>([
  ['UT', 0],
  ['UTC', 0],
  ['GMT', 0],
  ['Z', 0],
  ['EST', -300],
  ['EDT', -240],
  ['CST', -360],
  ['CDT', -300],
  ['MST', -420],
  ['MDT', -360],
  ['PST', -480],
  ['PDT', -420],
]);

/** Longer dates than this are none. */
const MAX_CHARACTERS = 256;
const TOKENS = /[+-]\d{1,5}(?:(?<=[+-]\d{2}):\d{2})?|\d+(?::\d+){1,2}|\d+|[A-Za-z]+/g;

/**
 * Reads a Date field (RFC 5322 section 3.3 with the obsolete forms of 4.3): comments, years of two and three digits,
 * zones by name; beyond these what mail in the wild holds: no weekday, no seconds, dashes between day, month and year,
 * the year behind the time (ctime), ISO 8601.
 * @param text unfolded
 * @returns undefined where no day can be made of it
 */
export function readDateTime(text: string): ZonedTime | undefined {
  const plain = withoutComments(text.slice(0, MAX_CHARACTERS)).replace(/\s*:\s*/g, ':');
  const iso = /^\s*(\d{4})-(\d{2})-(\d{2})[T ](\d{2}:\d{2}(?::\d{2})?)(?:\.\d+)?\s*(Z|[+-]\d{2}:?\d{2})?/i.exec(plain);
  if (iso !== null) {
    return zonedTime(Number(iso[1]), Number(iso[2]) - 1, Number(iso[3]), iso[4] ?? '', zoneOf(iso[5] ?? ''));
  }
  return fromTokens(plain.match(TOKENS) ?? []);
}

function fromTokens(tokens: readonly string[]): ZonedTime | undefined {
  const monthAt = tokens.findIndex((token) => monthOf(token) >= 0);
  const timeAt = tokens.findIndex((token) => token.includes(':') && !/^[+-]/.test(token));
  if (monthAt < 0) return undefined;
  // Dashes bind to the numbers behind them in `2-Nov-2026`.
  const numberAt = (index: number): number => {
    const token = tokens[index] ?? '';
    return /^-?\d{1,4}$/.test(token) && index !== timeAt ? Math.abs(Number(token)) : -1;
  };
  const isDayFirst = monthAt > 0 && numberAt(monthAt - 1) >= 0;
  const day = isDayFirst ? numberAt(monthAt - 1) : numberAt(monthAt + 1);
  const yearAt = isDayFirst ? monthAt + 1 : monthAt + 2;
  // Behind the time a sign makes a zone of a number.
  const year =
    numberAt(yearAt) >= 0 && !(tokens[yearAt] ?? '').startsWith('+')
      ? yearAt
      : [timeAt + 1, timeAt + 2].find(
          (index) => timeAt >= 0 && /^\d/.test(tokens[index] ?? '') && numberAt(index) >= 0,
        );
  if (year === undefined || day < 0) return undefined;
  const zone =
    timeAt < 0 ? undefined : tokens.find((token, index) => index > timeAt && index !== year && isZone(token));
  return zonedTime(
    fullYear(numberAt(year), (tokens[year] ?? '').replace('-', '').length),
    monthOf(tokens[monthAt] ?? ''),
    day,
    timeAt < 0 ? '00:00' : (tokens[timeAt] ?? ''),
    zone === undefined ? 0 : zoneOf(zone),
  );
}

/** RFC 5322 section 4.3: two digits below 50 are 20xx, others and three digits are counted from 1900. */
function fullYear(year: number, digits: number): number {
  if (digits >= 4) return year;
  return digits <= 2 && year < 50 ? 2000 + year : 1900 + year;
}

function monthOf(token: string): number {
  return token.length < 3 ? -1 : MONTHS.indexOf(token.slice(0, 3).toLowerCase());
}

function isZone(token: string): boolean {
  return /^[+-]\d/.test(token) || ZONES.has(token.toUpperCase());
}

function zoneOf(zone: string): number {
  const numeric = /^([+-])(\d{1,5})(?::(\d{2}))?$/.exec(zone);
  if (numeric === null) return ZONES.get(zone.toUpperCase()) ?? 0;
  // Four digits; where there are fewer, the last two are minutes all the same (`-600` is six hours).
  const digits = (numeric[2] ?? '') + (numeric[3] ?? '');
  const minutes =
    digits.length <= 2 ? Number(digits) * 60 : Number(digits.slice(0, -2)) * 60 + Number(digits.slice(-2));
  if (minutes >= 24 * 60) return 0;
  return numeric[1] === '-' ? -minutes : minutes;
}

function zonedTime(year: number, month: number, day: number, time: string, zoneMinutes: number): ZonedTime | undefined {
  const [hour = 0, minute = 0, second = 0] = time.split(':').map(Number);
  if (month < 0 || month > 11 || day < 1 || day > 31 || hour > 24 || minute > 59 || second > 60 || year > 9999)
    return undefined;
  const local = new Date(0);
  local.setUTCFullYear(year, month, day);
  // A 31st of a shorter month is no day.
  if (local.getUTCDate() !== day) return undefined;
  local.setUTCHours(hour, minute, Math.min(second, 59));
  return { at: local.getTime() - zoneMinutes * 60_000, zoneMinutes };
}

function withoutComments(text: string): string {
  let depth = 0;
  let plain = '';
  for (const character of text) {
    if (character === '(') depth += 1;
    if (depth === 0) plain += character;
    if (character === ')' && depth > 0) {
      depth -= 1;
      plain += ' ';
    }
  }
  return plain;
}
