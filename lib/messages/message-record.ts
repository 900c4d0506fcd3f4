import type { ZonedTime } from '../kernel/clock.ts';
import type { AccountId, AttachmentId, MessageId } from '../kernel/ids.ts';

/** A message document as the room knows it; what octets mean is said where they are made. */
export interface MessageRecord {
  readonly account: AccountId;
  readonly messageId: MessageId;
  /** Drawn anew by whoever comes to rely on a document that is there; a sweep deletes only what it has looked at. */
  readonly rev: Buffer;
  /** Octets, prefix included. */
  readonly size: number;
  readonly crlfSize: number;
  readonly receivedAt: number;
  readonly writtenAtQ: number;
  /** When a later delivery of the same octets took the next occurrence; this one is then kept a while as its witness. */
  readonly raisedAt: number | undefined;
  /** SHA-256 of the octets as received, without the prefix. */
  readonly dataHash: Buffer;
  readonly messageIdHash: Buffer | undefined;
  readonly thread: MessageId;
  readonly sentAt: ZonedTime | undefined;
  /** Id of the key that sealed the document as it was read; undefined where it was not sealed, or is new. */
  readonly sealedWith?: string | undefined;
  readonly prefix: Buffer;
  readonly skeleton: StoredSkeleton;
  /** encodeSegments */
  readonly segments: Buffer;
  readonly attachments: readonly AttachmentId[];
  /** Token of the refs to the attachments. */
  readonly refToken: Buffer;
  readonly rendered: StoredRendering;
  readonly preview: string;
  readonly hasAttachments: boolean;
}

/** The literal runs of a message, one after another. */
export interface StoredSkeleton {
  /** Octets as stored: plain, or one zstd frame; empty where the skeleton is an attachment. */
  readonly octets: Buffer;
  /** Octets of the literal runs. */
  readonly size: number;
  readonly compression: 'none' | 'zstd';
  /** Position in the list of attachments. */
  readonly attachment: number | undefined;
}

/** What is made from the octets and can be made again. */
export interface Rendering {
  readonly version: number;
  readonly envelope: Buffer;
  readonly bodyStructure: Buffer;
  readonly body: Buffer;
  /** Hot fields of the octets as received, without those of the prefix. */
  readonly headers: Buffer;
  readonly hasAllHeaders: boolean;
  /** encodeParts */
  readonly parts: Buffer;
}

/** In the document, or where it is large, in an attachment with these lengths one after another. */
export type StoredRendering =
  | { readonly kind: 'inline'; readonly rendering: Rendering }
  | {
      readonly kind: 'attachment';
      readonly version: number;
      readonly hasAllHeaders: boolean;
      readonly attachment: AttachmentId;
      /** Octets of envelope, bodyStructure, body, headers, parts. */
      readonly lengths: readonly number[];
    };

/** What lists and stores need: a record without what makes up the octets. */
export type MessageSummary = Pick<
  MessageRecord,
  | 'account'
  | 'messageId'
  | 'rev'
  | 'size'
  | 'crlfSize'
  | 'receivedAt'
  | 'writtenAtQ'
  | 'thread'
  | 'sentAt'
  | 'prefix'
  | 'sealedWith'
  | 'rendered'
  | 'preview'
  | 'hasAttachments'
>;
