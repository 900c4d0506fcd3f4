import { decompress, type Attachments, type StoredAttachment } from '../attachments/index.ts';
import { MailError } from '../kernel/errors.ts';
import type { AttachmentId } from '../kernel/ids.ts';
import { TransferredOctets } from '../kernel/transferred-octets.ts';
import { encodeRange } from './base64-layout.ts';
import type { MessageRecord } from './message-record.ts';
import { decodeSegments, segmentsOf, type Segment, type SegmentRange } from './segments.ts';

/** Octets of a literal run handed on at a time. */
const SLICE_OCTETS = 64 * 1024;
const transferred = new TransferredOctets();

/** Puts a message's octets together from its document and attachments, any range of them. */
export class ContentReader {
  readonly #record: MessageRecord;
  readonly #attachments: Attachments;
  readonly #segments: readonly Segment[];
  readonly #opened = new Map<number, Promise<StoredAttachment>>();
  #skeleton: Buffer | undefined;

  /** @throws MailError `internal` where the document is damaged */
  constructor(record: MessageRecord, attachments: Attachments) {
    this.#record = record;
    this.#attachments = attachments;
    this.#segments = whole(record.messageId, () => decodeSegments(record.segments));
  }

  /** The octets [start, end), prefix included; nothing is read before it is asked for. */
  async *read(start: number, end: number): AsyncGenerator<Buffer, void, undefined> {
    const { prefix, size } = this.#record;
    const from = Math.max(0, start);
    const to = Math.min(size, end);
    if (from < Math.min(to, prefix.length)) yield prefix.subarray(from, Math.min(to, prefix.length));
    for (const part of segmentsOf(this.#segments, Math.max(0, from - prefix.length), to - prefix.length)) {
      for await (const octets of this.#readSegment(part)) {
        transferred.add(octets.length);
        yield octets;
      }
    }
  }

  /**
   * The attachment that begins at the offset (prefix included), with where its octets end in the message and whether
   * they are decoded.
   */
  attachmentAt(offset: number): AttachmentSegment | undefined {
    let position = this.#record.prefix.length;
    for (const segment of this.#segments) {
      if (position > offset) return undefined;
      if (position === offset && segment.kind !== 'literal') {
        const id = this.#record.attachments[segment.attachment];
        const isDecoded = segment.kind === 'base64';
        return id === undefined
          ? undefined
          : { id, isDecoded, end: position + segment.length, number: segment.attachment };
      }
      position += segment.length;
    }
    return undefined;
  }

  /** All octets of an attachment as they are stored. */
  async *readAttachment(number: number): AsyncGenerator<Buffer, void, undefined> {
    const attachment = await this.#open(number);
    yield* attachment.read(0, attachment.size);
  }

  async *#readSegment({ segment, from, to, skeletonStart }: SegmentRange): AsyncGenerator<Buffer, void, undefined> {
    switch (segment.kind) {
      case 'literal':
        yield* this.#readSkeleton(skeletonStart + from, skeletonStart + to);
        break;
      case 'verbatim':
        yield* (await this.#open(segment.attachment)).read(from, to);
        break;
      case 'base64': {
        const attachment = await this.#open(segment.attachment);
        yield* encodeRange(segment.layout, segment.decodedSize, from, to, (first, last) =>
          attachment.read(first, last),
        );
        break;
      }
    }
  }

  async *#readSkeleton(start: number, end: number): AsyncGenerator<Buffer, void, undefined> {
    const { skeleton } = this.#record;
    if (skeleton.attachment !== undefined) {
      yield* (await this.#open(skeleton.attachment)).read(start, end);
      return;
    }
    const octets = this.#unpackSkeleton();
    for (let position = start; position < end; position += SLICE_OCTETS) {
      yield octets.subarray(position, Math.min(end, position + SLICE_OCTETS));
    }
  }

  #unpackSkeleton(): Buffer {
    const { skeleton, messageId } = this.#record;
    if (skeleton.compression === 'none') return skeleton.octets;
    this.#skeleton ??= whole(messageId, () => decompress(skeleton.octets, skeleton.size));
    return this.#skeleton;
  }

  #open(number: number): Promise<StoredAttachment> {
    const known = this.#opened.get(number);
    if (known !== undefined) return known;
    const id = this.#record.attachments[number];
    const opened =
      id === undefined ? Promise.reject(damaged(this.#record.messageId)) : openReferenced(this.#attachments, id);
    this.#opened.set(number, opened);
    // Trouble behind may be over the next time.
    opened.catch(() => this.#opened.delete(number));
    return opened;
  }
}

/** An attachment that begins where a part's body does. */
export interface AttachmentSegment {
  readonly id: AttachmentId;
  readonly isDecoded: boolean;
  /** One past its last octet in the message. */
  readonly end: number;
  readonly number: number;
}

/**
 * An attachment that a message refers to: one that is not there is damage, which a stranger must not take for a wrong
 * question.
 */
export async function openReferenced(attachments: Attachments, id: AttachmentId): Promise<StoredAttachment> {
  try {
    return await attachments.open(id);
  } catch (error) {
    if (error instanceof MailError && error.code === 'attachment-not-found') throw unreadable(error);
    throw error;
  }
}

/** Runs what fails only on damaged documents. */
export function whole<T>(messageId: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw damaged(messageId, error);
  }
}

function damaged(messageId: string, cause?: unknown): MailError {
  return unreadable(new Error(`message document ${messageId} is damaged`, { cause }));
}

function unreadable(cause: Error): MailError {
  return new MailError('internal', 'This message cannot be read at the moment', { cause });
}
