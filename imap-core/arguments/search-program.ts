import { SystemFlag } from '../protocol/flags.ts';
import type { SearchKey, SearchProgram, SearchReturn, TextTerm } from '../protocol/search-key.ts';
import type { Decoder } from '../wire/decoder.ts';
import { RefusedArgument, SyntaxFault } from '../wire/faults.ts';
import { readDate } from './date.ts';
import { readMessageSet } from './message-set.ts';

const MAX_OCTETS = 64 * 1024;
const MAX_TERMS = 100;
const MAX_DEPTH = 20;

const ALL: SearchKey = { kind: 'and', keys: [] };
const flag = (bit: number): SearchKey => ({ kind: 'flag', bit });
const not = (key: SearchKey): SearchKey => ({ kind: 'not', key });
const RECENT: SearchKey = { kind: 'recent' };

/** Keys without arguments (RFC 3501 section 6.4.4). */
const PLAIN_KEYS: ReadonlyMap<string, SearchKey> = new Map<string, SearchKey>([
  ['ALL', ALL],
  ['ANSWERED', flag(SystemFlag.answered)],
  ['DELETED', flag(SystemFlag.deleted)],
  ['DRAFT', flag(SystemFlag.draft)],
  ['FLAGGED', flag(SystemFlag.flagged)],
  ['SEEN', flag(SystemFlag.seen)],
  ['UNANSWERED', not(flag(SystemFlag.answered))],
  ['UNDELETED', not(flag(SystemFlag.deleted))],
  ['UNDRAFT', not(flag(SystemFlag.draft))],
  ['UNFLAGGED', not(flag(SystemFlag.flagged))],
  ['UNSEEN', not(flag(SystemFlag.seen))],
  ['RECENT', RECENT],
  ['OLD', not(RECENT)],
  ['NEW', { kind: 'and', keys: [RECENT, not(flag(SystemFlag.seen))] }],
]);

const DATE_KEYS: ReadonlyMap<string, readonly ['internal-date' | 'sent-date', 'before' | 'on' | 'since']> = new Map([
  ['BEFORE', ['internal-date', 'before'] as const],
  ['ON', ['internal-date', 'on'] as const],
  ['SINCE', ['internal-date', 'since'] as const],
  ['SENTBEFORE', ['sent-date', 'before'] as const],
  ['SENTON', ['sent-date', 'on'] as const],
  ['SENTSINCE', ['sent-date', 'since'] as const],
]);

/** Keys that are a header field's name. */
const FIELD_KEYS: ReadonlySet<string> = new Set(['BCC', 'CC', 'FROM', 'SUBJECT', 'TO']);
const RETURNS: ReadonlySet<string> = new Set<SearchReturn>(['MIN', 'MAX', 'ALL', 'COUNT']);

function isReturn(word: string): word is SearchReturn {
  return RETURNS.has(word);
}

/** Reads the keys of one SEARCH within its limits. */
class ProgramReader {
  readonly #decoder: Decoder;
  readonly terms: TextTerm[] = [];
  usesModSeq = false;
  #keys = 0;
  #octets = 0;

  constructor(decoder: Decoder) {
    this.#decoder = decoder;
  }

  /** search-key SP search-key … up to the end or the closing parenthesis. */
  keys(depth: number): SearchKey {
    const keys: SearchKey[] = [];
    do keys.push(this.#key(depth));
    while (this.#decoder.take(' '));
    return keys.length === 1 && keys[0] !== undefined ? keys[0] : { kind: 'and', keys };
  }

  #key(depth: number): SearchKey {
    const decoder = this.#decoder;
    this.#keys += 1;
    if (this.#keys > MAX_TERMS) throw new RefusedArgument('LIMIT', 'Too many search keys');
    if (depth > MAX_DEPTH) throw new RefusedArgument('LIMIT', 'Search keys nested too deeply');
    const next = decoder.peek();
    if (next === '(') {
      decoder.openList();
      const key = this.keys(depth + 1);
      if (!decoder.takeClosing()) throw new SyntaxFault('Expected ")"');
      return key;
    }
    if (next === '*' || (next >= '0' && next <= '9'))
      return { kind: 'set', set: readMessageSet(decoder), isUid: false };
    return this.#named(decoder.word(), depth);
  }

  #named(name: string, depth: number): SearchKey {
    const decoder = this.#decoder;
    const plain = PLAIN_KEYS.get(name);
    if (plain !== undefined) return plain;
    decoder.space();
    const date = DATE_KEYS.get(name);
    if (date !== undefined) return { kind: date[0], relation: date[1], day: readDate(decoder) };
    if (FIELD_KEYS.has(name)) return this.#term({ kind: 'header', field: name, value: this.#value() });
    switch (name) {
      case 'NOT':
        return not(this.#key(depth + 1));
      case 'OR': {
        const left = this.#key(depth + 1);
        decoder.space();
        return { kind: 'or', keys: [left, this.#key(depth + 1)] };
      }
      case 'UID':
        return { kind: 'set', set: readMessageSet(decoder), isUid: true };
      case 'KEYWORD':
        return { kind: 'keyword', keyword: decoder.atom().toLowerCase() };
      case 'UNKEYWORD':
        return not({ kind: 'keyword', keyword: decoder.atom().toLowerCase() });
      case 'LARGER':
        return { kind: 'size', relation: 'larger', octets: decoder.number() };
      case 'SMALLER':
        return { kind: 'size', relation: 'smaller', octets: decoder.number() };
      case 'MODSEQ':
        return this.#modSeq();
      case 'HEADER': {
        const field = decoder.astring();
        decoder.space();
        return this.#term({ kind: 'header', field, value: this.#value() });
      }
      case 'BODY':
        return this.#term({ kind: 'body', value: this.#value() });
      case 'TEXT':
        return this.#term({ kind: 'text', value: this.#value() });
      default:
        throw new SyntaxFault('Unknown search key');
    }
  }

  /** RFC 7162 section 3.1.5; entry names are read and, flags having no mod-sequences of their own, passed over. */
  #modSeq(): SearchKey {
    const decoder = this.#decoder;
    this.usesModSeq = true;
    if (decoder.peek() === '"') {
      decoder.string();
      decoder.space();
      if (!['ALL', 'PRIV', 'SHARED'].includes(decoder.word())) throw new SyntaxFault('Unknown entry type');
      decoder.space();
    }
    return { kind: 'modseq', least: decoder.modSeq() };
  }

  #term(term: TextTerm): SearchKey {
    this.terms.push(term);
    return { kind: 'term', index: this.terms.length - 1 };
  }

  /** Both charsets that we take are read as UTF-8, which holds US-ASCII. */
  #value(): string {
    const octets = Buffer.from(this.#decoder.astring(), 'latin1');
    this.#octets += octets.length;
    if (this.#octets > MAX_OCTETS) throw new RefusedArgument('LIMIT', 'Search too long');
    try {
      return UTF8.decode(octets);
    } catch {
      throw new SyntaxFault('Search text is not in its charset');
    }
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const CHARSETS: ReadonlySet<string> = new Set(['US-ASCII', 'ASCII', 'UTF-8', 'UTF8']);

/** RETURN options, where they stand next with a space behind. */
function readReturns(decoder: Decoder): ReadonlySet<SearchReturn> | undefined {
  if (!decoder.takeWord('RETURN')) return undefined;
  decoder.space();
  const returns = new Set<SearchReturn>();
  decoder.list(() => {
    const word = decoder.word();
    if (!isReturn(word)) throw new SyntaxFault('Unknown search return option');
    returns.add(word);
  });
  decoder.space();
  // No option means ALL (RFC 4731 section 3.1).
  return returns.size === 0 ? new Set<SearchReturn>(['ALL']) : returns;
}

/**
 * What follows SEARCH and a space.
 * @throws RefusedArgument `BADCHARSET`, `LIMIT`
 */
export function readSearchProgram(decoder: Decoder): SearchProgram {
  const returns = readReturns(decoder);
  let hasKnownCharset = true;
  if (decoder.takeWord('CHARSET')) {
    decoder.space();
    hasKnownCharset = CHARSETS.has(decoder.astring().toUpperCase());
    decoder.space();
  }
  if (!hasKnownCharset) throw new RefusedArgument('BADCHARSET', 'Only US-ASCII and UTF-8 are known');
  const reader = new ProgramReader(decoder);
  const key = reader.keys(0);
  return { key, terms: reader.terms, returns, usesModSeq: reader.usesModSeq };
}
