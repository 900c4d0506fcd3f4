import { inputError } from '../../http/input-error.ts';
import type { UidRanges } from '../../../lib/journal/index.ts';

/** RFC 3501 section 2.3.1.1. */
const MAX_UID = 0xffff_ffff;
/** As a message set of IMAP. */
const MAX_CHARACTERS = 16 * 1024;
const ITEM = /^(\d{1,10})(?::(\d{1,10}|\*))?$/;

/**
 * Messages by their UIDs, as `1`, `1,2,3`, `1:5`, `1:*` or any of these joined by commas; kept as ranges in ascending
 * order, never expanded. `*` is the highest there is.
 * @throws MailError `invalid-input`
 */
export function parseMessageNumbers(field: string, text: string): UidRanges {
  if (text.length > MAX_CHARACTERS) throw inputError(field, `is longer than ${MAX_CHARACTERS} characters`);
  const ranges = text.split(',').map((item) => {
    const match = ITEM.exec(item.trim());
    const first = Number(match?.[1]);
    const second = match?.[2] === undefined ? first : match[2] === '*' ? MAX_UID : Number(match[2]);
    const [from, to] = first <= second ? [first, second] : [second, first];
    if (match === null || from < 1 || to > MAX_UID)
      throw inputError(field, 'is not a list of message numbers, such as 1, 1,2,3, 1:5 or 1:*');
    return { from, to };
  });
  return join(ranges.sort((one, other) => one.from - other.from));
}

function join(sorted: UidRanges): UidRanges {
  const joined: { from: number; to: number }[] = [];
  for (const range of sorted) {
    const last = joined.at(-1);
    if (last !== undefined && range.from <= last.to + 1) last.to = Math.max(last.to, range.to);
    else joined.push({ ...range });
  }
  return joined;
}
