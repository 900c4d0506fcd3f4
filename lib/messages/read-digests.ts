import type { AccountId, MessageId } from '../kernel/ids.ts';
import type { MessageCollection } from './message-collection.ts';
import type { MessageSummary, Rendering } from './message-record.ts';
import type { MessageDigest, StoredPart } from './messages.ts';
import { hotFieldsOf, readFields } from './hot-fields.ts';
import { decodeParts } from './part-table.ts';
import { whole } from './read-content.ts';
import type { Renderings } from './renderings.ts';

/** Documents of one read. */
const BATCH = 256;

/** See Messages.digests: while one batch is being used the next is on its way. */
export async function* readDigests(
  messages: MessageCollection,
  renderings: Renderings,
  account: AccountId,
  messageIds: readonly MessageId[],
): AsyncGenerator<MessageDigest | undefined, void, undefined> {
  const read = (start: number): Promise<ReadonlyMap<MessageId, MessageSummary>> => {
    const batch = messages.summaries(account, [...new Set(messageIds.slice(start, start + BATCH))]);
    // Whoever stops early never asks for it.
    batch.catch(() => undefined);
    return batch;
  };
  let next = messageIds.length > 0 ? read(0) : undefined;
  for (let start = 0; next !== undefined; start += BATCH) {
    const summaries = await next;
    next = start + BATCH < messageIds.length ? read(start + BATCH) : undefined;
    for (const messageId of messageIds.slice(start, start + BATCH)) {
      const summary = summaries.get(messageId);
      yield summary === undefined ? undefined : await toDigest(messages, renderings, summary);
    }
  }
}

async function toDigest(
  messages: MessageCollection,
  renderings: Renderings,
  summary: MessageSummary,
): Promise<MessageDigest | undefined> {
  if (!renderings.isStale(summary.rendered)) return new Digest(summary, await renderings.fetch(summary.rendered));
  const record = await messages.find(summary);
  return record === undefined ? undefined : new Digest(summary, await renderings.renew(record));
}

class Digest implements MessageDigest {
  readonly messageId: MessageId;
  readonly size: number;
  readonly preview: string;
  readonly hasAttachments: boolean;
  readonly hasAllHeaders: boolean;
  readonly envelope: Buffer;
  readonly bodyStructure: Buffer;
  readonly body: Buffer;
  readonly headers: Buffer;
  readonly #encodedParts: Buffer;
  readonly #prefixOctets: number;
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
    this.#encodedParts = rendering.parts;
    this.#prefixOctets = summary.prefix.length;
  }

  /** Decoded when asked for: most lists do without. */
  get parts(): readonly StoredPart[] {
    this.#parts ??= whole(this.messageId, () => decodeParts(this.#encodedParts, this.#prefixOctets));
    return this.#parts;
  }
}
