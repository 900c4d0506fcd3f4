import { localDay } from '../../protocol/date.ts';
import { resolveSet } from '../../protocol/message-set.ts';
import type { NumberRange } from '../../protocol/number-range.ts';
import type { SearchKey } from '../../protocol/search-key.ts';
import type { ColumnView } from '../../session/selected-mailbox.ts';

/** Three values: `UNKNOWN` until the content has been looked at. `NO` + `YES` are those of logic, in min and max. */
export const NO = 0;
export const UNKNOWN = 1;
export const YES = 2;
export type Verdict = typeof NO | typeof UNKNOWN | typeof YES;

/** What a search needs to know of the session's view. */
export interface SearchScope {
  /** Messages that the client knows of. */
  readonly count: number;
  readonly largestUid: number;
  readonly recentFrom: number;
  /** Keywords as the mailbox spells them. */
  readonly keywords: readonly string[];
}

/**
 * @param at the message's place in the columns
 * @param position its 0-based position in the session's view
 * @param terms which text terms match, one octet each; undefined before content has been looked at
 */
export type Matcher = (columns: ColumnView, at: number, position: number, terms: Uint8Array | undefined) => Verdict;

const yesIf = (isTrue: boolean): Verdict => (isTrue ? YES : NO);

function isWithin(ranges: readonly NumberRange[], number: number): boolean {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ranges[middle]?.to ?? 0) < number) low = middle + 1;
    else high = middle;
  }
  return (ranges[low]?.from ?? Infinity) <= number;
}

function compileKeyword(keyword: string, scope: SearchScope): Matcher {
  // The mailbox spells each keyword one way, so that the comparison in the loop is exact.
  const spelled = scope.keywords.find((known) => known.toLowerCase() === keyword);
  if (spelled === undefined) return () => NO;
  return (columns, at) => yesIf(columns.keywords(at).includes(spelled));
}

function compileDate(key: Extract<SearchKey, { readonly relation: 'before' | 'on' | 'since' }>): Matcher {
  const { kind, relation, day } = key;
  return (columns, at) => {
    const time = kind === 'internal-date' ? columns.internalDate(at) : columns.sentDate(at);
    if (time === undefined) return NO;
    const own = localDay(time);
    if (relation === 'before') return yesIf(own < day);
    return yesIf(relation === 'on' ? own === day : own >= day);
  };
}

function compileAll(keys: readonly SearchKey[], scope: SearchScope): Matcher {
  const matchers = keys.map((key) => compileSearch(key, scope));
  return (columns, at, position, terms) => {
    let verdict: Verdict = YES;
    for (const matcher of matchers) {
      const own = matcher(columns, at, position, terms);
      if (own === NO) return NO;
      if (own === UNKNOWN) verdict = UNKNOWN;
    }
    return verdict;
  };
}

function compileAny(keys: readonly SearchKey[], scope: SearchScope): Matcher {
  const matchers = keys.map((key) => compileSearch(key, scope));
  return (columns, at, position, terms) => {
    let verdict: Verdict = NO;
    for (const matcher of matchers) {
      const own = matcher(columns, at, position, terms);
      if (own === YES) return YES;
      if (own === UNKNOWN) verdict = UNKNOWN;
    }
    return verdict;
  };
}

function compileNot(key: SearchKey, scope: SearchScope): Matcher {
  const matcher = compileSearch(key, scope);
  return (columns, at, position, terms) => {
    const verdict = matcher(columns, at, position, terms);
    if (verdict === UNKNOWN) return UNKNOWN;
    return verdict === YES ? NO : YES;
  };
}

/** A search key as a function over the columns. */
export function compileSearch(key: SearchKey, scope: SearchScope): Matcher {
  switch (key.kind) {
    case 'and':
      return compileAll(key.keys, scope);
    case 'or':
      return compileAny(key.keys, scope);
    case 'not':
      return compileNot(key.key, scope);
    case 'set': {
      const ranges = resolveSet(key.set, key.isUid ? scope.largestUid : scope.count);
      return key.isUid
        ? (columns, at) => yesIf(isWithin(ranges, columns.uid(at)))
        : (_columns, _at, position) => yesIf(isWithin(ranges, position + 1));
    }
    case 'flag':
      return (columns, at) => yesIf((columns.systemFlags(at) & key.bit) !== 0);
    case 'keyword':
      return compileKeyword(key.keyword, scope);
    case 'recent':
      return (columns, at) => yesIf(columns.uid(at) >= scope.recentFrom);
    case 'internal-date':
    case 'sent-date':
      return compileDate(key);
    case 'size':
      return key.relation === 'larger'
        ? (columns, at) => yesIf(columns.size(at) > key.octets)
        : (columns, at) => yesIf(columns.size(at) < key.octets);
    case 'modseq':
      return (columns, at) => yesIf(columns.modseq(at) >= key.least);
    case 'term':
      return (_columns, _at, _position, terms) => (terms === undefined ? UNKNOWN : yesIf(terms[key.index] === 1));
  }
}
