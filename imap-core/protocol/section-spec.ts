/** What stands in the brackets of `BODY[…]` (RFC 3501 section 6.4.5). */
export interface SectionSpec {
  /** Part numbers, outermost first; empty for the message itself. */
  readonly path: readonly number[];
  /** `whole`: the message, or the part's body. */
  readonly what: 'whole' | 'header' | 'header-fields' | 'header-fields-not' | 'text' | 'mime';
  /** Names of fields as the client spelled them; for the two `header-fields` kinds. */
  readonly fields: readonly string[];
}

/** `<start.count>`: octets. */
export interface OctetRange {
  readonly start: number;
  readonly count: number;
}
