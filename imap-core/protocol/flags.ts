/**
 * System flags as bits (RFC 3501 section 2.3.2). `\Recent` is not among them: it belongs to one session's view of
 * a mailbox, not to the message.
 */
export const SystemFlag = { seen: 1, answered: 2, flagged: 4, deleted: 8, draft: 16 } as const;

/** The flags of a message. */
export interface FlagSet {
  /** Sum of `SystemFlag` bits. */
  readonly system: number;
  /** Atoms; compared without regard to ASCII case, spelled as first seen in the mailbox. */
  readonly keywords: readonly string[];
}

/** STORE's three forms (RFC 3501 section 6.4.6). */
export interface FlagChange {
  readonly mode: 'replace' | 'add' | 'remove';
  readonly flags: FlagSet;
}
