/** ENVELOPE as a plain value (RFC 3501 section 7.4.2). Texts hold one character an octet (latin1), undecoded. */
export interface Envelope {
  /** Undefined where the message has no such field, '' where the field is empty; so for the other texts. */
  readonly date: string | undefined;
  readonly subject: string | undefined;
  /** Empty where the message has no such field or no address in it; so for the other lists. */
  readonly from: readonly EnvelopeAddress[];
  readonly sender: readonly EnvelopeAddress[];
  readonly replyTo: readonly EnvelopeAddress[];
  readonly to: readonly EnvelopeAddress[];
  readonly cc: readonly EnvelopeAddress[];
  readonly bcc: readonly EnvelopeAddress[];
  readonly inReplyTo: string | undefined;
  readonly messageId: string | undefined;
}

export type EnvelopeAddress = EnvelopeMailbox | EnvelopeGroup;

export interface EnvelopeMailbox {
  readonly kind: 'mailbox';
  readonly name: string | undefined;
  /** The at-domain-list: a source route. */
  readonly route: string | undefined;
  readonly mailbox: string;
  /** '' where the address has no domain. */
  readonly host: string;
}

export interface EnvelopeGroup {
  readonly kind: 'group';
  readonly name: string;
  readonly members: readonly EnvelopeMailbox[];
}
