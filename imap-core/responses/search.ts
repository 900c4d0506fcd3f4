import { setText } from '../protocol/message-set.ts';
import type { SearchReturn } from '../protocol/search-key.ts';

/** Ascending sequence numbers or UIDs that were found, with the highest mod-sequence among them where asked for. */
export interface Found {
  readonly numbers: Uint32Array;
  readonly modSeq: number | undefined;
}

/** Numbers of one piece of a line. */
const PIECE = 10_000;

/** RFC 3501 section 7.2.5, RFC 7162 section 3.1.5: one line in pieces, for it may name every message of a mailbox. */
export function* searchLine({ numbers, modSeq }: Found): Generator<string, void, undefined> {
  yield '* SEARCH';
  for (let start = 0; start < numbers.length; start += PIECE) yield ` ${numbers.slice(start, start + PIECE).join(' ')}`;
  yield modSeq === undefined || numbers.length === 0 ? '\r\n' : ` (MODSEQ ${modSeq})\r\n`;
}

/** RFC 4731 section 3.1: what was not found is left out, but for COUNT. `tag` is the command's. */
export function esearchLine(tag: string, isUid: boolean, returns: ReadonlySet<SearchReturn>, found: Found): string {
  const { numbers, modSeq } = found;
  const first = numbers[0];
  const last = numbers.at(-1);
  let line = `* ESEARCH (TAG "${tag}")${isUid ? ' UID' : ''}`;
  if (first !== undefined && last !== undefined) {
    if (returns.has('MIN')) line += ` MIN ${first}`;
    if (returns.has('MAX')) line += ` MAX ${last}`;
    if (returns.has('ALL')) line += ` ALL ${setText(numbers)}`;
  }
  if (returns.has('COUNT')) line += ` COUNT ${numbers.length}`;
  if (modSeq !== undefined && first !== undefined) line += ` MODSEQ ${modSeq}`;
  return `${line}\r\n`;
}
