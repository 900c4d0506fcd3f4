import { canonicalPath, decodeMailboxName, MailboxNameError } from '../protocol/mailbox-name.ts';
import type { Decoder } from '../wire/decoder.ts';
import { RefusedArgument } from '../wire/faults.ts';

function decode(encoded: string): string {
  try {
    return decodeMailboxName(encoded);
  } catch (error) {
    if (error instanceof MailboxNameError) throw new RefusedArgument('CANNOT', error.message);
    throw error;
  }
}

/**
 * mailbox (RFC 3501 section 9) as a path in Unicode.
 * @throws RefusedArgument `CANNOT` for what is no valid name
 */
export function readMailbox(decoder: Decoder): string {
  return canonicalPath(decode(decoder.astring()));
}

/**
 * The name that CREATE is given: a delimiter at its end says that children are wanted, and is not part of the name
 * (RFC 3501 section 6.3.3).
 */
export function readNewMailbox(decoder: Decoder): string {
  const path = readMailbox(decoder);
  if (path === '') throw new RefusedArgument('CANNOT', 'A mailbox needs a name');
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

const MAX_PATTERN_OCTETS = 1024;

/** One LIST pattern as a path in Unicode with wildcards. */
export function readListPattern(decoder: Decoder): string {
  return decodePattern(decoder.listMailbox());
}

/** LIST's reference name. */
export function readReference(decoder: Decoder): string {
  return decodePattern(decoder.astring());
}

function decodePattern(encoded: string): string {
  if (encoded.length > MAX_PATTERN_OCTETS) throw new RefusedArgument('LIMIT', 'Pattern too long');
  return decode(encoded);
}
