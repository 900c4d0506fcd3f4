import type { FlagChange } from './journal.ts';
import type { KeywordTable } from './keywords.ts';

/** System flags take the low octet of a flags word, the first 24 keywords of the mailbox the rest. */
export const KEYWORD_SHIFT = 8;
export const WORD_KEYWORDS = 24;
export const NO_EXTRA: readonly number[] = [];

/** A change of flags as masks; `extra` are keyword positions from 24 on. */
export interface FlagMask {
  readonly mode: FlagChange['mode'];
  readonly word: number;
  readonly extra: readonly number[];
}

/** @param table must know the keywords; unknown ones are passed over where they are taken away */
export function flagMask(change: FlagChange, table: KeywordTable): FlagMask {
  let word = change.flags.system;
  const extra: number[] = [];
  for (const keyword of change.flags.keywords) {
    const position = table.position(keyword);
    if (position === undefined) continue;
    if (position < WORD_KEYWORDS) word |= 1 << (position + KEYWORD_SHIFT);
    else if (!extra.includes(position)) extra.push(position);
  }
  return { mode: change.mode, word: word >>> 0, extra: extra.length === 0 ? NO_EXTRA : extra.sort((a, b) => a - b) };
}

/** The change as two words: which bits stay, and which are set then. */
export function flagBits(mask: FlagMask): { readonly kept: number; readonly set: number } {
  if (mask.mode === 'replace') return { kept: 0, set: mask.word };
  return mask.mode === 'add' ? { kept: -1, set: mask.word } : { kept: ~mask.word, set: 0 };
}

/** The keyword positions from 24 on after the change. */
export function changedExtra(extra: readonly number[], mask: FlagMask): readonly number[] {
  if (mask.mode === 'replace') return mask.extra;
  if (mask.extra.length === 0) return extra;
  if (mask.mode === 'remove') return extra.filter((position) => !mask.extra.includes(position));
  return [...new Set([...extra, ...mask.extra])].sort((a, b) => a - b);
}
