import type { MessageId } from '../kernel/ids.ts';
import { hotFieldsOf, readFields } from './hot-fields.ts';
import type { MessageSummary, Rendering } from './message-record.ts';
import type { DigestField, MessageDigest, StoredPart } from './messages.ts';
import { OctetWriter } from './octet-coding.ts';
import { decodeParts } from './part-table.ts';
import { whole } from './read-content.ts';

/** A part table as stored, with what its offsets lack. */
export interface EncodedParts {
  readonly octets: Buffer;
  /** Octets of the message before those that the offsets count from. */
  readonly prefixOctets: number;
}

/** A digest made from a message's own document. */
export class Digest implements MessageDigest {
  readonly messageId: MessageId;
  readonly size: number;
  readonly preview: string;
  readonly hasAttachments: boolean;
  readonly hasAllHeaders: boolean;
  readonly envelope: Buffer;
  readonly bodyStructure: Buffer;
  readonly body: Buffer;
  readonly headers: Buffer;
  readonly #encodedParts: EncodedParts;
  #parts: readonly StoredPart[] | undefined;

  constructor(summary: MessageSummary, rendering: Rendering) {
    const prefix = hotFieldsOf(summary.prefix, readFields(summary.prefix), false);
    this.messageId = summary.messageId;
    this.size = summary.size;
    this.preview = summary.preview;
    this.hasAttachments = summary.hasAttachments;
    this.hasAllHeaders = prefix.isComplete && rendering.hasAllHeaders;
    this.envelope = rendering.envelope;
    this.bodyStructure = rendering.bodyStructure;
    this.body = rendering.body;
    this.headers = prefix.octets.length === 0 ? rendering.headers : Buffer.concat([prefix.octets, rendering.headers]);
    this.#encodedParts = { octets: rendering.parts, prefixOctets: summary.prefix.length };
  }

  /** Decoded when asked for: most lists do without. */
  get parts(): readonly StoredPart[] {
    this.#parts ??= partsOf(this.messageId, this.#encodedParts);
    return this.#parts;
  }

  /** What goes into a pack's frame of the field. */
  frame(field: DigestField): Buffer {
    if (field === 'preview') return Buffer.from(this.preview);
    if (field !== 'parts') return this[field];
    const { octets, prefixOctets } = this.#encodedParts;
    const writer = new OctetWriter();
    writer.number(prefixOctets);
    return Buffer.concat([writer.finish(), octets]);
  }
}

/** @throws MailError `internal` where the table is damaged */
export function partsOf(messageId: MessageId, { octets, prefixOctets }: EncodedParts): readonly StoredPart[] {
  return whole(messageId, () => decodeParts(octets, prefixOctets));
}
