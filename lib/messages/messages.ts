import type { Readable } from 'node:stream';
import type { AccountId, MailboxId, MessageId } from '../kernel/ids.ts';
import type { ZonedTime } from '../kernel/clock.ts';
import type { ScannedMessage } from '../mime/index.ts';

/**
 * Message data: immutable, content-addressed within an account, written before the journal names it
 * (DESIGN: order of writes). COPY and MOVE never touch it.
 */
export interface Messages {
  /**
   * Reads a message once, scans and hashes it, spools its large leaves; memory stays bounded whatever the size.
   * The caller must `dispose` what it gets.
   * @param source octets as received, dot-stuffing already undone
   * @throws MailError `too-big` past `maxOctets`
   */
  ingest(source: AsyncIterable<Buffer>, options: IngestOptions): Promise<IngestedMessage>;

  /**
   * Makes the message durable under an account; idempotent for the same origin, recipient and octets.
   * With nothing there yet and no attachment this is one insert and no read.
   */
  store(account: AccountId, ingested: IngestedMessage, options: StoreOptions): Promise<StoredMessage>;

  /** @throws MailError `message-not-found` where there is no such data; `unavailable` on trouble behind */
  open(account: AccountId, messageId: MessageId): Promise<MessageContent>;

  /** Digests in the order of the ids, read ahead in batches; an id without data yields a digest of `undefined`. */
  digests(account: AccountId, messageIds: readonly MessageId[]): AsyncIterable<MessageDigest | undefined>;

  /**
   * Digests of messages that lie in one mailbox, in the order of the rows, some at a time. Neighbours are read together
   * where they have been packed, one by one where not; the next are on their way while some are being used, so the rows
   * are asked for a little ahead. Undefined for a message without data.
   * @param fields what will be looked at: another field throws
   */
  digestsIn(
    account: AccountId,
    place: DigestPlace,
    rows: Iterable<DigestRow>,
    fields: readonly DigestField[],
  ): AsyncIterable<readonly (ListedDigest | undefined)[]>;

  /** Copies the data of messages to another account (COPY between accounts); same ids there. */
  copyTo(source: AccountId, target: AccountId, messageIds: readonly MessageId[]): Promise<void>;

  /** Renews `rev`, so that a sweep under way leaves the documents alone. False for each id that is gone. */
  renew(account: AccountId, messageIds: readonly MessageId[]): Promise<readonly boolean[]>;
}

export interface IngestOptions {
  readonly maxOctets: number;
  readonly signal?: AbortSignal;
}

/** Read once, not yet stored; may be stored for many recipients. */
export interface IngestedMessage {
  /** SHA-256 of the octets as received. */
  readonly dataHash: Buffer;
  readonly size: number;
  readonly scanned: ScannedMessage;
  /** Frees the spool. */
  dispose(): Promise<void>;
}

export interface StoreOptions {
  /** Deliveries are told apart by recipient, so that one DATA to two addresses of an account is two messages. */
  readonly origin: { readonly kind: 'delivery'; readonly recipient: string } | { readonly kind: 'append' };
  /** Trace fields that go before the octets, CRLF line ends; empty for APPEND and upload. */
  readonly prefix: Buffer;
  /** The account's journal position as known to the writer; kept in the document (writtenAtQ). */
  readonly q: number;
  readonly now: number;
}

export interface StoredMessage {
  readonly messageId: MessageId;
  /** Octets, prefix included: RFC822.SIZE and what counts against the quota. */
  readonly size: number;
  readonly crlfSize: number;
  /** The Date field, where it can be read. */
  readonly sentAt: ZonedTime | undefined;
  /** THREADID: 32 hexadecimal digits. */
  readonly thread: MessageId;
  /** Where the document was there already: the journal position it was written at; else undefined. */
  readonly existedSinceQ: number | undefined;
}

/** One message's data, opened; holds no connection and need not be closed. */
export interface MessageContent {
  readonly messageId: MessageId;
  readonly size: number;
  readonly receivedAt: number;
  /** Part table with offsets into the whole message, prefix included. */
  readonly parts: readonly StoredPart[];
  /** IMAP's ENVELOPE and BODYSTRUCTURE, and BODY, as the octets that go to the client. */
  readonly envelope: Buffer;
  readonly bodyStructure: Buffer;
  readonly body: Buffer;
  /** The octets [start, end) of the original; out-of-range bounds are clamped. Honours back-pressure. */
  range(start: number, end: number): Readable;
  /** As `range`, whole; for ranges known to be small. @throws MailError `limit` above 16 MiB */
  readRange(start: number, end: number): Promise<Buffer>;
  /** The part's content with its transfer encoding undone; unknown or broken encodings give what can be read. */
  decoded(partIndex: number): Readable;
  /** SHA-256 of the attachment's stored octets, for parts kept as attachments. */
  attachmentOf(partIndex: number): string | undefined;
}

/** What the part table keeps of each part; offsets are octets of the whole message. */
export interface StoredPart {
  readonly index: number;
  readonly parent: number;
  readonly children: readonly number[];
  readonly section: string;
  readonly kind: 'leaf' | 'multipart' | 'message';
  readonly headerStart: number;
  readonly bodyStart: number;
  readonly bodyEnd: number;
  readonly type: string;
  readonly subtype: string;
  readonly charset: string | undefined;
  readonly encoding: string;
  readonly filename: string | undefined;
  readonly disposition: string | undefined;
  readonly contentId: string | undefined;
  readonly parameters: ReadonlyMap<string, string>;
}

/** What lists need without opening content. */
export interface MessageDigest {
  readonly messageId: MessageId;
  readonly size: number;
  readonly envelope: Buffer;
  readonly bodyStructure: Buffer;
  readonly body: Buffer;
  /** Hot header fields: raw `Name: value` block of From, To, Cc, Bcc, Sender, Reply-To, Subject, Date, Message-ID, In-Reply-To, References, List-*, Content-Type … */
  readonly headers: Buffer;
  /** Whether `headers` hold every hot field (isHotField); false where the header passed a limit. */
  readonly hasAllHeaders: boolean;
  /** Up to 128 characters of text, cut at a space. */
  readonly preview: string;
  readonly hasAttachments: boolean;
  readonly parts: readonly StoredPart[];
}

/** What of a digest takes room in a pack. */
export type DigestField = 'envelope' | 'bodyStructure' | 'body' | 'headers' | 'preview' | 'parts';

/** A digest out of a list; its size stands in the row. */
export type ListedDigest = Omit<MessageDigest, 'size'>;

export interface DigestRow {
  readonly uid: number;
  readonly messageId: MessageId;
}

/** A mailbox as whoever packs its digests sees it. */
export interface DigestPlace {
  readonly mailbox: MailboxId;
  /** The UID that the next message will get. */
  readonly uidNext: number;
  /** The messages of the UIDs `from` … `to` as of now, ascending; undefined where that is not known without reading. */
  rows(from: number, to: number): readonly DigestRow[] | undefined;
}

/** What became of a mailbox since it was written down the last time. */
export interface FoldedPlace extends DigestPlace {
  /** UIDs from here on are new. */
  readonly appendedFrom: number;
  /** UIDs that went, in ascending ranges. */
  readonly expunged: readonly { readonly from: number; readonly to: number }[];
}

/** Renders what the IMAP front end sends, handed in by the composition root. */
export interface MessageRenderer {
  /** Stored with the data; another version is rendered again when met. */
  readonly version: number;
  render(message: ScannedMessage): { readonly envelope: Buffer; readonly bodyStructure: Buffer; readonly body: Buffer };
}
