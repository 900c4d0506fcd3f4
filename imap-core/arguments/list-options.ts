import { STATUS_ITEMS, type StatusItem } from '../protocol/status-item.ts';
import type { Decoder } from '../wire/decoder.ts';
import { SyntaxFault } from '../wire/faults.ts';
import { readListPattern, readReference } from './mailbox.ts';

/** RFC 5258 section 3, RFC 6154 section 3, RFC 5819. */
export interface ListArguments {
  readonly selects: ReadonlySet<ListSelect>;
  readonly reference: string;
  readonly patterns: readonly string[];
  readonly returns: ReadonlySet<ListReturn>;
  /** Undefined: no STATUS wanted. */
  readonly statusItems: readonly StatusItem[] | undefined;
  /** False for the basic form, whose answer always tells of children and special uses. */
  readonly isExtended: boolean;
}

const SELECTS = ['SUBSCRIBED', 'REMOTE', 'RECURSIVEMATCH', 'SPECIAL-USE'] as const;
const RETURNS = ['SUBSCRIBED', 'CHILDREN', 'SPECIAL-USE'] as const;
export type ListSelect = (typeof SELECTS)[number];
export type ListReturn = (typeof RETURNS)[number];

const MAX_PATTERNS = 100;

function isOneOf<T extends string>(known: readonly T[], word: string): word is T {
  return (known as readonly string[]).includes(word);
}

function readSelects(decoder: Decoder): Set<ListSelect> {
  const selects = new Set<ListSelect>();
  decoder.list(() => {
    const word = decoder.word();
    if (!isOneOf(SELECTS, word)) throw new SyntaxFault('Unknown selection option');
    selects.add(word);
  });
  if (selects.has('RECURSIVEMATCH') && !selects.has('SUBSCRIBED')) {
    throw new SyntaxFault('RECURSIVEMATCH goes with SUBSCRIBED');
  }
  return selects;
}

/** status-att list, in parentheses. */
export function readStatusItems(decoder: Decoder): readonly StatusItem[] {
  const items: StatusItem[] = [];
  decoder.list(() => {
    const word = decoder.word();
    if (!isOneOf(STATUS_ITEMS, word)) throw new SyntaxFault('Unknown status item');
    if (!items.includes(word)) items.push(word);
  });
  if (items.length === 0) throw new SyntaxFault('Expected status items');
  return items;
}

function readPatterns(decoder: Decoder): { readonly patterns: readonly string[]; readonly isList: boolean } {
  if (decoder.peek() !== '(') return { patterns: [readListPattern(decoder)], isList: false };
  const patterns: string[] = [];
  decoder.list(() => {
    patterns.push(readListPattern(decoder));
    if (patterns.length > MAX_PATTERNS) throw new SyntaxFault('Too many patterns');
  });
  if (patterns.length === 0) throw new SyntaxFault('Expected patterns');
  return { patterns, isList: true };
}

/** What follows LIST and a space. */
export function readListArguments(decoder: Decoder): ListArguments {
  const hasSelects = decoder.peek() === '(';
  const selects = hasSelects ? readSelects(decoder) : new Set<ListSelect>();
  if (hasSelects) decoder.space();
  const reference = readReference(decoder);
  decoder.space();
  const { patterns, isList } = readPatterns(decoder);
  const returns = new Set<ListReturn>();
  let statusItems: readonly StatusItem[] | undefined;
  let hasReturns = false;
  if (decoder.take(' ')) {
    hasReturns = decoder.takeWord('RETURN');
    if (!hasReturns) throw new SyntaxFault('Expected RETURN');
    decoder.space();
    decoder.list(() => {
      const word = decoder.word();
      if (word === 'STATUS') {
        decoder.space();
        statusItems = readStatusItems(decoder);
      } else if (isOneOf(RETURNS, word)) {
        returns.add(word);
      } else {
        throw new SyntaxFault('Unknown return option');
      }
    });
  }
  return { selects, reference, patterns, returns, statusItems, isExtended: hasSelects || isList || hasReturns };
}
