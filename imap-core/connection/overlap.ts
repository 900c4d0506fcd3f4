import type { SequenceEffect } from '../commands/command.ts';

/**
 * Commands of one connection run one after another, which RFC 9051 section 5.5 always allows; what is left to decide
 * is whether an EXPUNGE may be told when one ends. Never while the client may still speak, or be spoken to, in
 * sequence numbers that it would shift: FETCH, STORE, SEARCH and, to be kind, COPY (RFC 3501 section 7.4.1). The UID
 * forms use none.
 */
export function mayTellExpunge(effects: readonly SequenceEffect[], isUid: boolean): boolean {
  return isUid || !effects.includes('uses') || effects.includes('breaks');
}
