import { MailError } from '../kernel/errors.ts';

/** Levels of a path are joined by this (RFC 3501 section 5.1.1). */
const DELIMITER = '/';
export const INBOX = 'INBOX';
/** In octets of UTF-8. */
const MAX_LEVEL_OCTETS = 512;
const MAX_LEVELS = 20;

// C0, DEL and C1 controls, line and paragraph separators (RFC 5198 section 2, RFC 9051 section 5.1), lone surrogates.
const FORBIDDEN = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]|\p{Cs}/u;

/**
 * The one spelling of a mailbox name: UTF-8 in NFC, `INBOX` in capitals at the top level, whatever the case.
 * Names of `.` and `..` are refused, for exports turn levels into directories.
 * @throws MailError `mailbox-name-invalid`
 */
export function parseMailboxPath(text: string): string {
  // Before NFC, which is linear but not free: no valid name is longer than this in UTF-16 units.
  if (text.length > MAX_LEVELS * (MAX_LEVEL_OCTETS + 1) * 3) throw invalid('The mailbox name is too long');
  if (FORBIDDEN.test(text)) throw invalid('The mailbox name holds a control character');
  const levels = text.normalize('NFC').split(DELIMITER);
  if (levels.length > MAX_LEVELS) throw invalid(`A mailbox name has at most ${MAX_LEVELS} levels`);
  for (const level of levels) checkLevel(level);
  if (levels[0]?.toUpperCase() === INBOX) levels[0] = INBOX;
  return levels.join(DELIMITER);
}

/** As parseMailboxPath, but undefined where no mailbox can have that name: it is then simply not there. */
export function lookupPath(text: string): string | undefined {
  try {
    return parseMailboxPath(text);
  } catch {
    return undefined;
  }
}

/** A delimiter at the end of a name to be created says only that children will follow (RFC 3501 section 6.3.3). */
export function parseNewMailboxPath(text: string): string {
  return parseMailboxPath(text.length > 1 && text.endsWith(DELIMITER) ? text.slice(0, -1) : text);
}

/** From the top level down, without the path itself. */
export function ancestorsOf(path: string): string[] {
  const ancestors: string[] = [];
  for (let at = path.indexOf(DELIMITER); at >= 0; at = path.indexOf(DELIMITER, at + 1))
    ancestors.push(path.slice(0, at));
  return ancestors;
}

export function isBelow(path: string, ancestor: string): boolean {
  return path.length > ancestor.length && path.startsWith(ancestor) && path[ancestor.length] === DELIMITER;
}

/** INBOX first, its children next, the others by code unit, every parent before its children. */
export function comparePaths(a: string, b: string): number {
  const aIsInbox = a === INBOX || a.startsWith(INBOX + DELIMITER);
  const bIsInbox = b === INBOX || b.startsWith(INBOX + DELIMITER);
  if (aIsInbox !== bIsInbox) return aIsInbox ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

function checkLevel(level: string): void {
  if (level === '') throw invalid('A mailbox name has no empty levels');
  if (level === '.' || level === '..') throw invalid('A level of a mailbox name is not "." or ".."');
  if (Buffer.byteLength(level, 'utf8') > MAX_LEVEL_OCTETS)
    throw invalid(`A level of a mailbox name has at most ${MAX_LEVEL_OCTETS} octets`);
}

function invalid(message: string): MailError {
  return new MailError('mailbox-name-invalid', message);
}
