import { SystemFlag, type FlagSet } from '../../lib/journal/index.ts';

/** Names in a Maildir: flags of a message, folders of a Maildir++. */

const LETTERS: readonly (readonly [string, number])[] = [
  ['D', SystemFlag.draft],
  ['F', SystemFlag.flagged],
  ['R', SystemFlag.answered],
  ['S', SystemFlag.seen],
  ['T', SystemFlag.deleted],
];
/** `P` (passed on) is a keyword elsewhere. */
const FORWARDED = '$Forwarded';

/** Letters behind `:2,` in a file name. @param keywords those that small letters stand for, in order */
export function flagsOfName(fileName: string, keywords: readonly string[]): FlagSet {
  const letters = /:2,([A-Za-z]*)$/.exec(fileName)?.[1] ?? '';
  const system = LETTERS.reduce((sum, [letter, flag]) => sum + (letters.includes(letter) ? flag : 0), 0);
  const named = Array.from(letters).flatMap((letter) => {
    const keyword = /[a-z]/.test(letter) ? keywords[letter.charCodeAt(0) - 97] : undefined;
    return keyword === undefined || keyword === '' ? [] : [keyword];
  });
  return { system, keywords: letters.includes('P') && !named.includes(FORWARDED) ? [...named, FORWARDED] : named };
}

/** The letters for a file name, in the order of ASCII as the format asks. */
export function lettersOf(flags: FlagSet, keywords: readonly string[]): string {
  const letters = LETTERS.filter(([, flag]) => (flags.system & flag) !== 0).map(([letter]) => letter);
  if (flags.keywords.some((keyword) => keyword.toLowerCase() === FORWARDED.toLowerCase())) letters.push('P');
  for (const keyword of flags.keywords) {
    const index = keywords.indexOf(keyword);
    if (index >= 0 && index < 26) letters.push(String.fromCharCode(97 + index));
  }
  return letters.sort().join('');
}

/**
 * Folder of a mailbox: `.` before and between levels, as Maildir++ has it. UTF-8, with `.` and `%` of a name, and
 * what a file name may not hold, as `%` and two hexadecimal digits.
 */
export function folderOf(path: string): string {
  if (path === 'INBOX') return '';
  return path
    .split('/')
    .map((level) => `.${level.replace(/[%.\u0000-\u001f\u007f]/g, percent)}`)
    .join('');
}

/** The mailbox of a Maildir++ folder such as `.Archive.2024`; '' for the Maildir itself. */
export function mailboxOf(folder: string): string {
  return folder
    .split('.')
    .slice(1)
    .map((level) =>
      level.replace(/%([0-9A-Fa-f]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16))),
    )
    .join('/');
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`;
}

/** `dovecot-keywords`: a line `number name` for each small letter. */
export function parseKeywordFile(text: string): readonly string[] {
  const keywords: string[] = [];
  for (const line of text.split('\n')) {
    const match = /^(\d{1,2}) (\S+)$/.exec(line);
    if (match !== null) keywords[Number(match[1])] = match[2] ?? '';
  }
  return Array.from(keywords, (keyword: string | undefined) => keyword ?? '');
}
