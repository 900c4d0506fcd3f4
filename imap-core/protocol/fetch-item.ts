import type { OctetRange, SectionSpec } from './section-spec.ts';

/** A fetch-att that is answered from the mailbox's columns alone. */
export interface ColumnItem {
  readonly kind: 'flags' | 'uid' | 'internal-date' | 'size' | 'modseq';
}

/** A fetch-att whose answer is kept ready with the message. */
export interface DigestItem {
  readonly kind: 'envelope' | 'body' | 'body-structure';
}

/** A fetch-att that needs octets of the message. */
export interface SectionItem {
  readonly kind: 'section';
  /** How the answer names it: `BODY[TEXT]`, `RFC822.HEADER`; with the origin octet where `partial` is given. */
  readonly label: string;
  readonly section: SectionSpec;
  readonly partial: OctetRange | undefined;
  /** False: `\Seen` is set. */
  readonly isPeek: boolean;
}

export type FetchItem = ColumnItem | DigestItem | SectionItem;
