/** The search keys that need a message's content. Values are decoded; compared without regard to case. */
export type TextTerm =
  /** The named header field holds the value; '' matches every message that has the field (RFC 3501 section 6.4.4). */
  | { readonly kind: 'header'; readonly field: string; readonly value: string }
  /** The text of the body holds the value. */
  | { readonly kind: 'body'; readonly value: string }
  /** Header or body holds the value. */
  | { readonly kind: 'text'; readonly value: string };
