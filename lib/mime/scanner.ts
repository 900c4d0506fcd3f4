/**
 * The contract of the streaming MIME scanner: octets in, literal runs and leaf bodies out, a part table at
 * the end. What the sink receives, in order, is exactly what was written; nothing is normalised.
 */

/** What the scanner understands before it treats the rest as opaque (docs: limits). */
export interface MimeLimits {
  /**
   * Octets of one header block. The blocks kept for messages inside the message share the same number, and so do the
   * texts kept of all parts.
   */
  readonly headerOctets: number;
  /** Octets of one field, name and line ends included. */
  readonly fieldOctets: number;
  /** Fields of one header block. */
  readonly fields: number;
  /** Parts of a message, the root included; those past it are opaque octets of their multipart. */
  readonly parts: number;
  /** Of parts inside parts; the root is 1. A container at the limit is a leaf. */
  readonly depth: number;
  /** Octets; a multipart with a longer boundary is a leaf. */
  readonly boundaryOctets: number;
  /** Of one field, RFC 2231 segments counted one by one. */
  readonly parameters: number;
}

export const DEFAULT_MIME_LIMITS: MimeLimits = {
  headerOctets: 1024 * 1024,
  fieldOctets: 256 * 1024,
  fields: 1000,
  parts: 1000,
  depth: 50,
  boundaryOctets: 200,
  parameters: 100,
};

/** Content-Transfer-Encoding as it matters for decoding; `other` is left alone. */
export type TransferEncoding = '7bit' | '8bit' | 'binary' | 'base64' | 'quoted-printable' | 'other';

/** A Content-Type or Content-Disposition value; parameter names in lower case, in their order of appearance. */
export interface ParameterisedValue {
  /** Lower case, e.g. `text/plain` or `attachment`. */
  readonly value: string;
  /**
   * Values as octets in latin1, not charset-decoded. RFC 2231 continuations are joined; an extended value stands under
   * `name*` as `charset'language'percent-encoded`. `parameterText` gives either as text.
   */
  readonly parameters: ReadonlyMap<string, string>;
}

/**
 * One node of a message's structure. Offsets are octets from the first octet given to the scanner.
 * A message/rfc822 part has exactly one child (its embedded message) unless the budget made it opaque.
 */
export interface MimePart {
  /** Position in `ScannedMessage.parts`; the root is 0, parents come before children. */
  readonly index: number;
  /** -1 for the root. */
  readonly parent: number;
  readonly children: readonly number[];
  /**
   * IMAP part number such as `1.2`, '' for the root; '' + TEXT for the root's body (RFC 3501 section 6.4.5). The root of
   * an embedded message, if it is a multipart, has no number of its own and bears that of the message part.
   */
  readonly section: string;
  /**
   * A `leaf` may be of any type: a multipart or message that was not looked into, for its encoding or the limits, keeps
   * its own. A multipart in which no part was found becomes a leaf of text/plain.
   */
  readonly kind: 'leaf' | 'multipart' | 'message';
  readonly headerStart: number;
  /** First octet after the empty line that ends the header. */
  readonly bodyStart: number;
  /** One past the last octet of the body; the line end before a delimiter belongs to the delimiter (RFC 2046 5.1.1). */
  readonly bodyEnd: number;
  /** Line ends in the body, plus one where the last line has none. */
  readonly bodyLines: number;
  /** Lower case; the RFC 2045 default (text/plain; in multipart/digest message/rfc822) where missing or malformed. */
  readonly type: string;
  readonly subtype: string;
  /** Parameters of Content-Type. */
  readonly parameters: ReadonlyMap<string, string>;
  readonly encoding: TransferEncoding;
  /** As written, without comments, trimmed, upper case; for BODYSTRUCTURE. `7BIT` where missing. */
  readonly encodingName: string;
  readonly contentId: string | undefined;
  readonly description: string | undefined;
  readonly md5: string | undefined;
  readonly disposition: ParameterisedValue | undefined;
  readonly language: readonly string[] | undefined;
  readonly location: string | undefined;
  /**
   * Raw header block of the root and of each embedded message's root, with the empty line at its end; undefined for
   * other parts. Cut before the field at which `headerOctets` struck; empty where embedded messages had used it up.
   */
  readonly headerOctets: Buffer | undefined;
}

export interface ScannedMessage {
  readonly parts: readonly MimePart[];
  /** All octets written. */
  readonly size: number;
  /** Size once every bare LF is CRLF and a CRLF is added where the last octet is no LF: what POP3 announces. */
  readonly crlfSize: number;
  /** True where a limit made the scanner treat something as opaque. */
  readonly isTruncated: boolean;
}

/**
 * A leaf whose body is about to arrive. A multipart without any part turns out to be a leaf only at its end: its octets
 * have then gone to `literal`.
 */
export interface LeafStart {
  readonly index: number;
  readonly type: string;
  readonly subtype: string;
  readonly encoding: TransferEncoding;
}

/** Receives the octets synchronously as views into what was written: copy what is kept past the call. */
export interface MimeSink {
  /** Everything that is not the body of a leaf: headers, delimiters, preambles, epilogues. */
  literal(octets: Buffer): void;
  leafStart(leaf: LeafStart): void;
  leafOctets(octets: Buffer): void;
  leafEnd(index: number): void;
}

export interface MimeScanner {
  /** Any split of the octets gives the same calls, but for where they are cut. */
  write(octets: Buffer): void;
  end(): ScannedMessage;
}
