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

const NAMES: readonly (readonly [number, string])[] = [
  [SystemFlag.answered, '\\Answered'],
  [SystemFlag.flagged, '\\Flagged'],
  [SystemFlag.deleted, '\\Deleted'],
  [SystemFlag.seen, '\\Seen'],
  [SystemFlag.draft, '\\Draft'],
];
const ALL_SYSTEM_FLAGS = 31;
const RECENT = 32;

/** The bit of a system flag such as `\Seen`, in any case; undefined for other names. */
export function systemFlagOf(name: string): number | undefined {
  const wanted = name.toLowerCase();
  return NAMES.find(([, known]) => known.toLowerCase() === wanted)?.[0];
}

function namesOf(bits: number): string {
  const names = NAMES.filter(([bit]) => (bits & bit) !== 0).map(([, name]) => name);
  if ((bits & RECENT) !== 0) names.push('\\Recent');
  return names.join(' ');
}

/** Every combination once: FETCH FLAGS of a large mailbox then costs one look-up a message. */
const NAMES_OF_BITS: readonly string[] = Array.from({ length: 2 * RECENT }, (_, bits) => namesOf(bits));

/** A flag list without its parentheses. */
export function flagsText(system: number, keywords: readonly string[], isRecent: boolean): string {
  const names = NAMES_OF_BITS[(system & ALL_SYSTEM_FLAGS) | (isRecent ? RECENT : 0)] ?? '';
  if (keywords.length === 0) return names;
  return names === '' ? keywords.join(' ') : `${names} ${keywords.join(' ')}`;
}
