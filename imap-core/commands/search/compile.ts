import { localDay } from '../../protocol/date.ts';
import { resolveSet } from '../../protocol/message-set.ts';
import { isWithin, type NumberRange } from '../../protocol/number-range.ts';
import type { SearchKey } from '../../protocol/search-key.ts';
import type { ZonedTime } from '../../protocol/zoned-time.ts';
import type { ColumnView } from '../../session/selected-mailbox.ts';

/** Three values: `UNKNOWN` until the content has been looked at. So OR is the larger, AND the smaller, NOT the other end. */
const NO = 0;
export const UNKNOWN = 1;
export const YES = 2;

/** What a search needs to know of the session's view. */
export interface SearchScope {
  /** Messages that the client knows of. */
  readonly count: number;
  readonly largestUid: number;
  readonly recentFrom: number;
  /** Keywords as the mailbox spells them. */
  readonly keywords: readonly string[];
}

/** Messages side by side: at `at` and on in the columns, at the 0-based `position` and on in the session's view. */
export interface SearchSpan {
  readonly columns: ColumnView;
  readonly at: number;
  readonly position: number;
  readonly count: number;
}

/**
 * Writes a verdict for each message of the span.
 * @param terms which text terms match, one octet each; undefined before content has been looked at
 */
export type Matcher = (span: SearchSpan, verdicts: Uint8Array, terms: Uint8Array | undefined) => void;

function compileKeyword(keyword: string, scope: SearchScope): Matcher {
  // The mailbox spells each keyword one way, so that the comparison in the loop is exact.
  const spelled = scope.keywords.find((known) => known.toLowerCase() === keyword);
  if (spelled === undefined) return ({ count }, verdicts) => void verdicts.fill(NO, 0, count);
  return ({ columns, at, count }, verdicts) => {
    let last: readonly string[] | undefined;
    let verdict = NO;
    for (let index = 0; index < count; index += 1) {
      const keywords = columns.keywords(at + index);
      // Neighbours mostly share a list.
      if (keywords !== last) {
        last = keywords;
        verdict = keywords.includes(spelled) ? YES : NO;
      }
      verdicts[index] = verdict;
    }
  };
}

type DateKey = Extract<SearchKey, { readonly relation: 'before' | 'on' | 'since' }>;

function compileDate({ kind, relation, day }: DateKey): Matcher {
  const from = relation === 'before' ? -Infinity : day;
  const to = relation === 'since' ? Infinity : relation === 'on' ? day : day - 1;
  const verdictOf = (time: ZonedTime | undefined): number => {
    if (time === undefined) return NO;
    const own = localDay(time);
    return own >= from && own <= to ? YES : NO;
  };
  return kind === 'internal-date'
    ? ({ columns, at, count }, verdicts) => {
        for (let index = 0; index < count; index += 1) verdicts[index] = verdictOf(columns.internalDate(at + index));
      }
    : ({ columns, at, count }, verdicts) => {
        for (let index = 0; index < count; index += 1) verdicts[index] = verdictOf(columns.sentDate(at + index));
      };
}

/** The smallest of all verdicts, or the largest of any. */
function compileSeveral(keys: readonly SearchKey[], scope: SearchScope, isAll: boolean): Matcher {
  const [first, ...others] = keys.map((key) => compileSearch(key, scope));
  if (first === undefined) return ({ count }, verdicts) => void verdicts.fill(isAll ? YES : NO, 0, count);
  let own = new Uint8Array(0);
  return (span, verdicts, terms) => {
    const { count } = span;
    first(span, verdicts, terms);
    if (others.length > 0 && own.length < count) own = new Uint8Array(count);
    for (const other of others) {
      other(span, own, terms);
      for (let index = 0; index < count; index += 1) {
        const one = own[index] ?? NO;
        const before = verdicts[index] ?? NO;
        verdicts[index] = one < before === isAll ? one : before;
      }
    }
  };
}

function compileNot(key: SearchKey, scope: SearchScope): Matcher {
  const matcher = compileSearch(key, scope);
  return (span, verdicts, terms) => {
    matcher(span, verdicts, terms);
    for (let index = 0; index < span.count; index += 1) verdicts[index] = YES - (verdicts[index] ?? NO);
  };
}

/** Of ascending numbers one after another: whether the ranges hold each. */
class RangeWalk {
  readonly #ranges: readonly NumberRange[];
  #at = 0;

  constructor(ranges: readonly NumberRange[]) {
    this.#ranges = ranges;
  }

  holds(number: number): boolean {
    while ((this.#ranges[this.#at]?.to ?? Infinity) < number) this.#at += 1;
    return (this.#ranges[this.#at]?.from ?? Infinity) <= number;
  }
}

function compileSet({ set, isUid }: Extract<SearchKey, { readonly kind: 'set' }>, scope: SearchScope): Matcher {
  const ranges = resolveSet(set, isUid ? scope.largestUid : scope.count);
  return ({ columns, at, position, count }, verdicts) => {
    if (count === 1) {
      verdicts[0] = isWithin(ranges, isUid ? columns.uid(at) : position + 1) ? YES : NO;
      return;
    }
    const walk = new RangeWalk(ranges);
    for (let index = 0; index < count; index += 1)
      verdicts[index] = walk.holds(isUid ? columns.uid(at + index) : position + index + 1) ? YES : NO;
  };
}

/** A search key as a function over the columns. */
export function compileSearch(key: SearchKey, scope: SearchScope): Matcher {
  switch (key.kind) {
    case 'and':
      return compileSeveral(key.keys, scope, true);
    case 'or':
      return compileSeveral(key.keys, scope, false);
    case 'not':
      return compileNot(key.key, scope);
    case 'set':
      return compileSet(key, scope);
    case 'flag':
      return ({ columns, at, count }, verdicts) => {
        for (let index = 0; index < count; index += 1)
          verdicts[index] = (columns.systemFlags(at + index) & key.bit) === 0 ? NO : YES;
      };
    case 'keyword':
      return compileKeyword(key.keyword, scope);
    case 'recent':
      return ({ columns, at, count }, verdicts) => {
        for (let index = 0; index < count; index += 1)
          verdicts[index] = columns.uid(at + index) >= scope.recentFrom ? YES : NO;
      };
    case 'internal-date':
    case 'sent-date':
      return compileDate(key);
    case 'size': {
      const least = key.relation === 'larger' ? key.octets + 1 : 0;
      const most = key.relation === 'larger' ? Infinity : key.octets - 1;
      return ({ columns, at, count }, verdicts) => {
        for (let index = 0; index < count; index += 1) {
          const size = columns.size(at + index);
          verdicts[index] = size >= least && size <= most ? YES : NO;
        }
      };
    }
    case 'modseq':
      return ({ columns, at, count }, verdicts) => {
        for (let index = 0; index < count; index += 1)
          verdicts[index] = columns.modseq(at + index) >= key.least ? YES : NO;
      };
    case 'term':
      return ({ count }, verdicts, terms) => {
        verdicts.fill(terms === undefined ? UNKNOWN : terms[key.index] === 1 ? YES : NO, 0, count);
      };
  }
}
