/**
 * What FETCH needs of a part of a message: part numbers (RFC 3501 section 6.4.5) follow from the tree. Offsets are
 * octets of the whole message.
 */
export interface MessagePart {
  /** Position in `MessageContent.parts`; the root is 0. */
  readonly index: number;
  readonly children: readonly number[];
  /** A `message` part has its embedded message as its only child, unless that could not be parsed. */
  readonly kind: 'leaf' | 'multipart' | 'message';
  readonly headerStart: number;
  /** First octet after the empty line that ends the header. */
  readonly bodyStart: number;
  /** One past the last octet of the body. */
  readonly bodyEnd: number;
}

/** One message's octets. Holds nothing that must be given back. */
export interface MessageContent {
  /** Octets of the whole message; equals the row's `size`. */
  readonly size: number;
  readonly parts: readonly MessagePart[];
  /**
   * The octets [start, end) in pieces, read no faster than they are taken. Whoever stops early calls the
   * iterator's `return`. Pieces are handed over as they are: neither side writes to them any more.
   */
  range(start: number, end: number): AsyncIterable<Buffer>;
}

/** What goes to the client as it is: complete values without a name, e.g. `("Mon, 7 Feb …" …)`. */
export interface MessageDigest {
  readonly envelope: Buffer;
  readonly bodyStructure: Buffer;
  readonly body: Buffer;
}

export type DigestField = keyof MessageDigest;
