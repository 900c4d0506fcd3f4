import { type MessageSet, STAR } from '../protocol/message-set.ts';
import type { NumberRange } from '../protocol/number-range.ts';
import type { Decoder } from '../wire/decoder.ts';
import { SyntaxFault } from '../wire/faults.ts';

const MAX_OCTETS = 16 * 1024;

function readNumber(decoder: Decoder): number {
  return decoder.take('*') ? STAR : decoder.nzNumber();
}

/** sequence-set (RFC 3501 section 9). */
export function readMessageSet(decoder: Decoder): MessageSet {
  const ranges: NumberRange[] = [];
  const start = decoder.consumed;
  do {
    const from = readNumber(decoder);
    const to = decoder.take(':') ? readNumber(decoder) : from;
    ranges.push({ from, to });
    if (decoder.consumed - start > MAX_OCTETS) throw new SyntaxFault('Message set too long');
  } while (decoder.take(','));
  return ranges;
}
