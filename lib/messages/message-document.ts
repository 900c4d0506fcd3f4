import type { AccountId, AttachmentId, MessageId } from '../kernel/ids.ts';
import type { MessageRecord, MessageSummary, Rendering, StoredRendering } from './message-record.ts';

/** Identifies a message document. */
export interface MessageKey {
  readonly account: AccountId;
  readonly messageId: MessageId;
}

/** What a sweep looks at. */
export interface SweepCandidate extends MessageKey {
  readonly rev: Buffer;
  readonly size: number;
  readonly receivedAt: number;
  readonly raisedAt: number | undefined;
  readonly attachments: readonly AttachmentId[];
  readonly refToken: Buffer;
}

/** What a document that was there already says to who would have written it. */
export interface RenewedMessage {
  readonly size: number;
  readonly crlfSize: number;
  readonly receivedAt: number;
  readonly writtenAtQ: number;
  readonly thread: MessageId;
  readonly sentAt: MessageRecord['sentAt'];
}

/** What is made from the octets, where it is in the document. */
interface RenderedFields {
  readonly renderVersion: number;
  readonly envelope?: Buffer;
  readonly bodyStructure?: Buffer;
  readonly body?: Buffer;
  readonly headers?: Buffer;
  readonly parts?: Buffer;
  readonly hasAllHeaders: boolean;
  readonly renderedIn?: Buffer;
  readonly renderedLengths?: readonly number[];
}

/** A message document as it is stored, or as it is once its seals are open. */
export interface MessageFields extends RenderedFields {
  /** account (12) || messageId (16) */
  readonly _id: Buffer;
  readonly v: 1;
  readonly rev: Buffer;
  readonly size: number;
  readonly crlfSize: number;
  readonly receivedAt: number;
  readonly writtenAtQ: number;
  readonly raisedAt?: number;
  readonly dataHash: Buffer;
  readonly messageIdHash?: Buffer;
  readonly thread: Buffer;
  readonly sentAt?: number;
  readonly sentZone?: number;
  readonly prefix: Buffer;
  readonly skeleton: Buffer;
  readonly skeletonSize: number;
  readonly skeletonCompression: 'none' | 'zstd';
  readonly skeletonIn?: number;
  readonly segments: Buffer;
  /** 32 octets each */
  readonly attachments: Buffer;
  readonly refToken: Buffer;
  /** A Buffer where it is sealed. */
  readonly preview: string;
  readonly hasAttachments: boolean;
  /** Id of the key that sealed the fields which hold content. */
  readonly sealedWith?: string;
}

export function octetsOf(document: MessageFields): number {
  const { skeleton, prefix, segments, attachments, envelope, bodyStructure, body, headers, parts } = document;
  let octets = 1024;
  for (const binary of [skeleton, prefix, segments, attachments, envelope, bodyStructure, body, headers, parts])
    octets += binary?.length ?? 0;
  return octets;
}

export function keyOf(key: MessageKey): Buffer {
  return Buffer.from(key.account + key.messageId, 'hex');
}

/** What fields are sealed under: the same wherever the message is copied to. */
export function nameOf(key: MessageKey): Buffer {
  return Buffer.from(key.messageId, 'hex');
}

export function nameIn(document: Pick<MessageFields, '_id'>): Buffer {
  return document._id.subarray(12);
}

export function accountIn(document: Pick<MessageFields, '_id'>): AccountId {
  return document._id.toString('hex', 0, 12) as AccountId;
}

export function messageIdIn(document: Pick<MessageFields, '_id'>): MessageId {
  return document._id.toString('hex', 12) as MessageId;
}

function attachmentsIn(octets: Buffer): AttachmentId[] {
  const ids: AttachmentId[] = [];
  for (let start = 0; start < octets.length; start += 32)
    ids.push(octets.toString('hex', start, start + 32) as AttachmentId);
  return ids;
}

export function sentAtOf(document: Pick<MessageFields, 'sentAt' | 'sentZone'>): MessageRecord['sentAt'] {
  return document.sentAt === undefined ? undefined : { at: document.sentAt, zoneMinutes: document.sentZone ?? 0 };
}

export function summaryNumbers(document: MessageFields): Omit<RenewedMessage, 'sentAt'> {
  const { size, crlfSize, receivedAt, writtenAtQ } = document;
  return { size, crlfSize, receivedAt, writtenAtQ, thread: document.thread.toString('hex') as MessageId };
}

export function toDocument(record: MessageRecord): MessageFields {
  const { rev, size, crlfSize, receivedAt, writtenAtQ, dataHash, prefix, segments, refToken, preview, hasAttachments } =
    record;
  return {
    _id: keyOf(record),
    v: 1,
    rev,
    size,
    crlfSize,
    receivedAt,
    writtenAtQ,
    dataHash,
    ...(record.messageIdHash === undefined ? {} : { messageIdHash: record.messageIdHash }),
    thread: Buffer.from(record.thread, 'hex'),
    ...(record.sentAt === undefined ? {} : { sentAt: record.sentAt.at, sentZone: record.sentAt.zoneMinutes }),
    prefix,
    skeleton: record.skeleton.octets,
    skeletonSize: record.skeleton.size,
    skeletonCompression: record.skeleton.compression,
    ...(record.skeleton.attachment === undefined ? {} : { skeletonIn: record.skeleton.attachment }),
    segments,
    attachments: Buffer.from(record.attachments.join(''), 'hex'),
    refToken,
    ...renderedFields(record.rendered),
    preview,
    hasAttachments,
  };
}

export function renderedFields(rendered: StoredRendering): RenderedFields {
  if (rendered.kind === 'inline') {
    const { version, ...rendering } = rendered.rendering;
    return { renderVersion: version, ...rendering };
  }
  return {
    renderVersion: rendered.version,
    hasAllHeaders: rendered.hasAllHeaders,
    renderedIn: Buffer.from(rendered.attachment, 'hex'),
    renderedLengths: rendered.lengths,
  };
}

function toRendering(document: MessageFields): StoredRendering {
  const { renderVersion: version, hasAllHeaders, renderedIn, renderedLengths } = document;
  if (renderedIn !== undefined) {
    return {
      kind: 'attachment',
      version,
      hasAllHeaders,
      attachment: renderedIn.toString('hex') as AttachmentId,
      lengths: renderedLengths ?? [],
    };
  }
  const { envelope, bodyStructure, body, headers, parts } = document;
  const rendering: Rendering = {
    version,
    hasAllHeaders,
    envelope: envelope ?? Buffer.alloc(0),
    bodyStructure: bodyStructure ?? Buffer.alloc(0),
    body: body ?? Buffer.alloc(0),
    headers: headers ?? Buffer.alloc(0),
    parts: parts ?? Buffer.alloc(0),
  };
  return { kind: 'inline', rendering };
}

export function toSummary(document: MessageFields): MessageSummary {
  return {
    account: accountIn(document),
    messageId: messageIdIn(document),
    rev: document.rev,
    ...summaryNumbers(document),
    sentAt: sentAtOf(document),
    sealedWith: document.sealedWith,
    prefix: document.prefix,
    rendered: toRendering(document),
    preview: document.preview,
    hasAttachments: document.hasAttachments,
  };
}

export function toRecord(document: MessageFields): MessageRecord {
  return {
    ...toSummary(document),
    raisedAt: document.raisedAt,
    dataHash: document.dataHash,
    messageIdHash: document.messageIdHash,
    skeleton: {
      octets: document.skeleton,
      size: document.skeletonSize,
      compression: document.skeletonCompression,
      attachment: document.skeletonIn,
    },
    segments: document.segments,
    attachments: attachmentsIn(document.attachments),
    refToken: document.refToken,
  };
}

export function toCandidate(document: MessageFields): SweepCandidate {
  const listed = attachmentsIn(document.attachments);
  const rendered = document.renderedIn?.toString('hex') as AttachmentId | undefined;
  return {
    account: accountIn(document),
    messageId: messageIdIn(document),
    rev: document.rev,
    size: document.size,
    receivedAt: document.receivedAt,
    raisedAt: document.raisedAt,
    attachments: rendered === undefined ? listed : [...listed, rendered],
    refToken: document.refToken,
  };
}
