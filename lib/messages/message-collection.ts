import { Binary, type Collection, type Document } from 'mongodb';
import {
  createCoalescingInserter,
  orTemporary,
  toTemporary,
  type CoalescingInserter,
  type Database,
} from '../db/index.ts';
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

interface MessageDocument extends Document, RenderedFields {
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
  readonly preview: string;
  readonly hasAttachments: boolean;
}

/** Everything but what makes up the octets. */
const SUMMARY = { skeleton: 0, segments: 0, attachments: 0, dataHash: 0 } as const;
const KEY_OCTETS = 28;

/** Octets of documents that may wait for the insert before theirs. */
const WAITING_OCTETS = 32 * 1024 * 1024;

/** `messages`: one document per message and account. */
export class MessageCollection {
  readonly #collection: Collection<MessageDocument>;
  readonly #inserter: CoalescingInserter<MessageDocument>;

  constructor(database: Database) {
    this.#collection = database.db.collection<MessageDocument>('messages', { promoteBuffers: true });
    this.#inserter = createCoalescingInserter(this.#collection, { octetsOf, waitingOctets: WAITING_OCTETS });
  }

  /**
   * False where there is such a document.
   * @throws MailError `unavailable`, also where the outcome is unknown: to insert the same message again is harmless
   */
  async insert(record: MessageRecord): Promise<boolean> {
    const outcome = await this.#inserter.insert(toDocument(record));
    if (outcome.kind === 'inserted') return true;
    if (outcome.kind === 'duplicate') return false;
    throw toTemporary(outcome.error);
  }

  /** Draws a document's `rev` anew, and where the refs were renewed their token; undefined where it is gone. */
  async renewOne(key: MessageKey, rev: Buffer, refToken: Buffer | undefined): Promise<RenewedMessage | undefined> {
    const projection = { size: 1, crlfSize: 1, receivedAt: 1, writtenAtQ: 1, thread: 1, sentAt: 1, sentZone: 1 };
    const update = { $set: refToken === undefined ? { rev } : { rev, refToken } };
    const document = await orTemporary(() =>
      this.#collection.findOneAndUpdate({ _id: keyOf(key) }, update, { returnDocument: 'after', projection }),
    );
    return document === null ? undefined : { ...summaryNumbers(document), sentAt: sentAtOf(document) };
  }

  /** Draws `rev` anew; for each key, whether the document is there. */
  async renew(keys: readonly MessageKey[], rev: Buffer): Promise<readonly boolean[]> {
    const ids = keys.map(keyOf);
    const { matchedCount } = await this.#collection.updateMany({ _id: { $in: ids } }, { $set: { rev } });
    if (matchedCount === new Set(ids.map((id) => id.toString('hex'))).size) return keys.map(() => true);
    const found = await this.#collection.find({ _id: { $in: ids } }, { projection: { rev: 1 } }).toArray();
    const renewed = new Set(
      found.filter((document) => document.rev.equals(rev)).map((document) => document._id.toString('hex')),
    );
    return ids.map((id) => renewed.has(id.toString('hex')));
  }

  async markRaised(key: MessageKey, at: number): Promise<void> {
    await orTemporary(() => this.#collection.updateOne({ _id: keyOf(key) }, { $set: { raisedAt: at } }));
  }

  async find(key: MessageKey): Promise<MessageRecord | undefined> {
    const document = await orTemporary(() => this.#collection.findOne({ _id: keyOf(key) }));
    return document === null ? undefined : toRecord(document);
  }

  /** Those that are there, by message id. */
  async summaries(
    account: AccountId,
    messageIds: readonly MessageId[],
  ): Promise<ReadonlyMap<MessageId, MessageSummary>> {
    const ids = messageIds.map((messageId) => keyOf({ account, messageId }));
    const documents = await orTemporary(() =>
      this.#collection.find({ _id: { $in: ids } }, { projection: SUMMARY }).toArray(),
    );
    return new Map(documents.map((document) => [messageIdIn(document), toSummary(document)]));
  }

  /** Replaces what another version of the renderer has made. */
  async replaceRendering(key: MessageKey, oldVersion: number, rendered: StoredRendering): Promise<void> {
    const fields = renderedFields(rendered);
    const unset =
      rendered.kind === 'inline'
        ? ['renderedIn', 'renderedLengths']
        : ['envelope', 'bodyStructure', 'body', 'headers', 'parts'];
    await this.#collection.updateOne(
      { _id: keyOf(key), renderVersion: oldVersion },
      { $set: fields, $unset: Object.fromEntries(unset.map((name) => [name, ''])) },
    );
  }

  /** In the order of the keys. */
  async exist(keys: readonly MessageKey[]): Promise<readonly boolean[]> {
    const ids = keys.map(keyOf);
    const documents = await this.#collection.find({ _id: { $in: ids } }, { projection: { _id: 1 } }).toArray();
    const found = new Set(documents.map((document) => document._id.toString('hex')));
    return ids.map((id) => found.has(id.toString('hex')));
  }

  /** The next documents in order of key; of one account where it is given. */
  async page(after: MessageKey | undefined, limit: number, account?: AccountId): Promise<SweepCandidate[]> {
    const low =
      account === undefined ? Buffer.alloc(KEY_OCTETS) : Buffer.concat([Buffer.from(account, 'hex'), Buffer.alloc(16)]);
    const high =
      account === undefined
        ? Buffer.alloc(KEY_OCTETS, 0xff)
        : Buffer.concat([Buffer.from(account, 'hex'), Buffer.alloc(16, 0xff)]);
    const from = after === undefined ? { $gte: new Binary(low) } : { $gt: new Binary(keyOf(after)) };
    const documents = await this.#collection
      .find({ _id: { ...from, $lte: new Binary(high) } } as unknown as Document, {
        projection: { rev: 1, size: 1, receivedAt: 1, raisedAt: 1, attachments: 1, refToken: 1, renderedIn: 1 },
      })
      .sort({ _id: 1 })
      .limit(limit)
      .toArray();
    return documents.map(toCandidate);
  }

  /** Deletes the document if it is still the one looked at. */
  async delete(candidate: SweepCandidate): Promise<boolean> {
    const result = await this.#collection.deleteOne({ _id: keyOf(candidate), rev: candidate.rev });
    return result.deletedCount === 1;
  }
}

function octetsOf(document: MessageDocument): number {
  const { skeleton, prefix, segments, attachments, envelope, bodyStructure, body, headers, parts } = document;
  let octets = 1024;
  for (const binary of [skeleton, prefix, segments, attachments, envelope, bodyStructure, body, headers, parts])
    octets += binary?.length ?? 0;
  return octets;
}

function keyOf(key: MessageKey): Buffer {
  return Buffer.from(key.account + key.messageId, 'hex');
}

function accountIn(document: Pick<MessageDocument, '_id'>): AccountId {
  return document._id.toString('hex', 0, 12) as AccountId;
}

function messageIdIn(document: Pick<MessageDocument, '_id'>): MessageId {
  return document._id.toString('hex', 12) as MessageId;
}

function attachmentsIn(octets: Buffer): AttachmentId[] {
  const ids: AttachmentId[] = [];
  for (let start = 0; start < octets.length; start += 32)
    ids.push(octets.toString('hex', start, start + 32) as AttachmentId);
  return ids;
}

function sentAtOf(document: Pick<MessageDocument, 'sentAt' | 'sentZone'>): MessageRecord['sentAt'] {
  return document.sentAt === undefined ? undefined : { at: document.sentAt, zoneMinutes: document.sentZone ?? 0 };
}

function summaryNumbers(document: MessageDocument): Omit<RenewedMessage, 'sentAt'> {
  const { size, crlfSize, receivedAt, writtenAtQ } = document;
  return { size, crlfSize, receivedAt, writtenAtQ, thread: document.thread.toString('hex') as MessageId };
}

function toDocument(record: MessageRecord): MessageDocument {
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

function renderedFields(rendered: StoredRendering): RenderedFields {
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

function toRendering(document: MessageDocument): StoredRendering {
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

function toSummary(document: MessageDocument): MessageSummary {
  return {
    account: accountIn(document),
    messageId: messageIdIn(document),
    rev: document.rev,
    ...summaryNumbers(document),
    sentAt: sentAtOf(document),
    prefix: document.prefix,
    rendered: toRendering(document),
    preview: document.preview,
    hasAttachments: document.hasAttachments,
  };
}

function toRecord(document: MessageDocument): MessageRecord {
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

function toCandidate(document: MessageDocument): SweepCandidate {
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
