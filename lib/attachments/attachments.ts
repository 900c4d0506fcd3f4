import type { AccountId, AttachmentId, MessageId } from '../kernel/ids.ts';

/**
 * Content too large for a message document: attachments and whatever else a message has in large pieces.
 * Kept once in the whole store under the SHA-256 of its octets, for as long as a message refers to it.
 */
export interface Attachments {
  /**
   * Makes the octets durable and refers to them from the message. Idempotent; each ref carries `token` from then on.
   * @throws MailError `unavailable`; the refs may be there already, which the sweep puts right
   */
  keep(owner: AttachmentOwner, token: Buffer, sources: readonly AttachmentSource[]): Promise<void>;

  /**
   * The same for the attachments of many messages at once, which for small ones takes a fraction of the time. A source
   * that cannot be read to its end has nothing done for some of them; `keep` tells which one it is. Holds some MiB.
   */
  keepTogether(kept: readonly KeptAttachments[]): Promise<void>;

  /**
   * Refers to attachments that another message keeps alive during the call.
   * @throws MailError `attachment-not-found` where one is not there
   */
  share(owner: AttachmentOwner, token: Buffer, ids: readonly AttachmentId[]): Promise<void>;

  /**
   * Removes the message's refs to these attachments where they still carry `token`: refs that a writer has
   * renewed meanwhile stay.
   */
  release(owner: AttachmentOwner, token: Buffer, ids: readonly AttachmentId[]): Promise<void>;

  /** @throws MailError `attachment-not-found` */
  open(id: AttachmentId): Promise<StoredAttachment>;

  /** Which of the message's refs are there, in the order of the ids; for checks. */
  hasRefs(owner: AttachmentOwner, ids: readonly AttachmentId[]): Promise<readonly boolean[]>;
}

/** The message that an attachment is kept for. */
export interface AttachmentOwner {
  readonly account: AccountId;
  readonly messageId: MessageId;
}

/** What one message needs. */
export interface KeptAttachments {
  readonly owner: AttachmentOwner;
  readonly token: Buffer;
  readonly sources: readonly AttachmentSource[];
}

/** Octets to keep; read again when an upload has to be repeated. */
export interface AttachmentSource {
  readonly id: AttachmentId;
  /** Octets. */
  readonly size: number;
  /** Such as `image/jpeg`; a hint whether compression pays. */
  readonly type: string;
  /** Each buffer is used up before the next is asked for, so that the source may reuse its memory. */
  read(): AsyncIterable<Buffer>;
}

/** One attachment, found; holds no connection. */
export interface StoredAttachment {
  readonly id: AttachmentId;
  /** Octets. */
  readonly size: number;
  /**
   * The octets [start, end), clamped, reading only the chunks that hold them.
   * @throws MailError `unavailable` on trouble behind, `internal` where chunks are missing or damaged
   */
  read(start: number, end: number): AsyncGenerator<Buffer, void, undefined>;
}
