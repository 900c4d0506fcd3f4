import { compress, type AttachmentSource, type Attachments } from '../attachments/index.ts';
import { crashPoint } from '../kernel/crash-point.ts';
import { MailError } from '../kernel/errors.ts';
import type { AccountId, MessageId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/logger.ts';
import { randomOctets } from '../kernel/random-octets.ts';
import { describeMessage } from './describe-message.ts';
import type { MessageCollection } from './message-collection.ts';
import type { RenewedMessage } from './message-document.ts';
import { messageIdOf } from './message-id.ts';
import type { MessageRecord, StoredSkeleton } from './message-record.ts';
import type { MessageRenderer, StoreOptions, StoredMessage } from './messages.ts';
import type { SkeletonPlan } from './plan-content.ts';
import type { ReadMessage } from './read-message.ts';
import { renderMessage, storeRendering } from './render-message.ts';
import { encodeSegments, type Segment } from './segments.ts';

export interface StoreParts {
  readonly messages: MessageCollection;
  readonly attachments: Attachments;
  readonly renderer: MessageRenderer;
  readonly logger: Logger;
}

/** The same DATA to the same recipient within this time is a retry, after it a new message. */
const RETRY_MS = 7 * 24 * 60 * 60 * 1000;

/** More occurrences of one DATA than this would take a thousand weeks. */
const MAX_OCCURRENCES = 1000;

/** How often a document may vanish between the insert that met it and its renewal. */
const ROUNDS = 8;

/** Below this a context for (un)compressing costs more than writing and reading the octets: a fifth of a delivery. */
const COMPRESSED_SKELETON_OCTETS = 8 * 1024;

/** See Messages.store. Attachments and refs first, then the document, so that a crash leaves nothing dangling. */
export async function storeMessage(
  parts: StoreParts,
  account: AccountId,
  message: ReadMessage,
  options: StoreOptions,
): Promise<StoredMessage> {
  const prepared = await message.share('content', () => prepareContent(parts, message));
  for (let occurrence = 0; occurrence < MAX_OCCURRENCES; occurrence += 1) {
    const messageId = messageIdOf(options.origin, occurrence, message.dataHash);
    const result = await storeOccurrence(parts, prepared, recordOf(account, messageId, message, prepared, options));
    if (result === 'written')
      return { ...toStored(messageId, prepared.record, options.prefix.length), existedSinceQ: undefined };
    if (options.origin.kind === 'append' || options.now - result.receivedAt <= RETRY_MS) {
      const { size, crlfSize, sentAt, thread, writtenAtQ } = result;
      return { messageId, size, crlfSize, sentAt, thread, existedSinceQ: writtenAtQ };
    }
    await parts.messages.markRaised({ account, messageId }, options.now);
  }
  throw new MailError('unavailable', 'This message came too often, please try again later');
}

/** What all recipients of a message have in common. */
interface PreparedContent {
  readonly record: SharedRecord;
  readonly sources: readonly AttachmentSource[];
}

type SharedRecord = Omit<
  MessageRecord,
  'account' | 'messageId' | 'rev' | 'receivedAt' | 'writtenAtQ' | 'raisedAt' | 'prefix' | 'refToken'
>;

async function prepareContent({ renderer, logger }: StoreParts, message: ReadMessage): Promise<PreparedContent> {
  const { plan, scanned, dataHash } = message;
  const { stored, source } = storeRendering(renderMessage(scanned, renderer, logger));
  const record = {
    size: scanned.size,
    crlfSize: scanned.crlfSize,
    dataHash,
    ...(await describeMessage(message)),
    skeleton: packSkeleton(plan.skeleton, plan.segments),
    segments: encodeSegments(plan.segments),
    attachments: plan.attachments.map((attachment) => attachment.id),
    rendered: stored,
  };
  return { record, sources: source === undefined ? plan.attachments : [...plan.attachments, source] };
}

function packSkeleton(skeleton: SkeletonPlan, segments: readonly Segment[]): StoredSkeleton {
  const size = segments.reduce((sum, segment) => sum + (segment.kind === 'literal' ? segment.length : 0), 0);
  if (skeleton.kind === 'attachment') {
    return { octets: Buffer.alloc(0), size, compression: 'none', attachment: skeleton.attachment };
  }
  if (size >= COMPRESSED_SKELETON_OCTETS) {
    const packed = compress(skeleton.octets);
    if (packed.length < size * 0.9) return { octets: packed, size, compression: 'zstd', attachment: undefined };
  }
  return { octets: skeleton.octets, size, compression: 'none', attachment: undefined };
}

function recordOf(
  account: AccountId,
  messageId: MessageId,
  message: ReadMessage,
  prepared: PreparedContent,
  options: StoreOptions,
): MessageRecord {
  const random = randomOctets(16);
  return {
    ...prepared.record,
    account,
    messageId,
    rev: random.subarray(0, 8),
    size: message.size + options.prefix.length,
    crlfSize: message.scanned.crlfSize + options.prefix.length,
    receivedAt: options.now,
    writtenAtQ: options.q,
    raisedAt: undefined,
    prefix: options.prefix,
    refToken: random.subarray(8),
  };
}

/** Writes the document, or comes to rely on the one that is there. */
async function storeOccurrence(
  parts: StoreParts,
  prepared: PreparedContent,
  record: MessageRecord,
): Promise<'written' | RenewedMessage> {
  const hasAttachments = prepared.sources.length > 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    await parts.attachments.keep(record, record.refToken, prepared.sources);
    crashPoint('store.attachments-kept');
    const isWritten = await parts.messages.insert(record);
    crashPoint('store.document-written');
    if (isWritten) return 'written';
    // With a new `rev` no sweep that looked at it before can delete it; with our token it takes our refs along.
    const there = await parts.messages.renewOne(record, record.rev, hasAttachments ? record.refToken : undefined);
    if (there !== undefined) return there;
  }
  throw new MailError('unavailable', 'Storage is busy, please try again', { retryAfterMs: 5000 });
}

function toStored(
  messageId: MessageId,
  record: SharedRecord,
  prefixOctets: number,
): Omit<StoredMessage, 'existedSinceQ'> {
  const { size, crlfSize, sentAt, thread } = record;
  return { messageId, size: size + prefixOctets, crlfSize: crlfSize + prefixOctets, sentAt, thread };
}
