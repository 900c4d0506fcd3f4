import type { MessageSet } from './message-set.ts';

/** The search keys that need a message's content. Values are decoded; compared without regard to case. */
export type TextTerm =
  /** The named header field holds the value; '' matches every message that has the field (RFC 3501 section 6.4.4). */
  | { readonly kind: 'header'; readonly field: string; readonly value: string }
  /** The text of the body holds the value. */
  | { readonly kind: 'body'; readonly value: string }
  /** Header or body holds the value. */
  | { readonly kind: 'text'; readonly value: string };

/** `day` counts days since 1970-01-01. */
interface DateKey {
  readonly kind: 'internal-date' | 'sent-date';
  readonly relation: 'before' | 'on' | 'since';
  readonly day: number;
}

/** A search program as a tree (RFC 3501 section 6.4.4, RFC 7162 section 3.1.5). */
export type SearchKey =
  | { readonly kind: 'and'; readonly keys: readonly SearchKey[] }
  | { readonly kind: 'or'; readonly keys: readonly SearchKey[] }
  | { readonly kind: 'not'; readonly key: SearchKey }
  | { readonly kind: 'set'; readonly set: MessageSet; readonly isUid: boolean }
  | { readonly kind: 'flag'; readonly bit: number }
  | { readonly kind: 'keyword'; readonly keyword: string }
  | { readonly kind: 'recent' }
  | DateKey
  | { readonly kind: 'size'; readonly relation: 'larger' | 'smaller'; readonly octets: number }
  | { readonly kind: 'modseq'; readonly least: number }
  /** The term of that index in `SearchProgram.terms`. */
  | { readonly kind: 'term'; readonly index: number };

/** RFC 4731 section 3.1. */
export type SearchReturn = 'MIN' | 'MAX' | 'ALL' | 'COUNT';

export interface SearchProgram {
  readonly key: SearchKey;
  readonly terms: readonly TextTerm[];
  /** Undefined: the plain SEARCH response. */
  readonly returns: ReadonlySet<SearchReturn> | undefined;
  /** A MODSEQ key stands somewhere: the answer tells the highest mod-sequence found. */
  readonly usesModSeq: boolean;
}
