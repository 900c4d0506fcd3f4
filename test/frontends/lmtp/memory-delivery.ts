import { createHash } from 'node:crypto';
import { MailError, type MailErrorCode } from '../../../lib/kernel/errors.ts';
import type { AccountId, MailboxId, MessageId, Uid, UserId } from '../../../lib/kernel/ids.ts';
import type { Delivery, DeliveryEnvelope, DeliveryOutcome } from '../../../lib/delivery/index.ts';
import type { IngestedMessage, Messages } from '../../../lib/messages/index.ts';

export interface MemoryMessage {
  readonly octets: Buffer;
  readonly envelope: DeliveryEnvelope;
}

/**
 * What the front end needs of the rooms behind it, kept in memory, for dialogues that storage has no part in. The
 * local part of a recipient says what becomes of it: `fails-<code>` at DATA, `refused-<code>` at RCPT, else it works.
 */
export class MemoryDelivery implements Delivery, Pick<Messages, 'ingest'> {
  readonly messages: MemoryMessage[] = [];
  /** Messages ingested and not yet disposed of. */
  open = 0;
  /** Awaited before a message is delivered. */
  beforeDelivery: () => Promise<void> = () => Promise.resolve();
  readonly #octets = new WeakMap<IngestedMessage, Buffer>();

  async resolveRecipient(address: string): ReturnType<Delivery['resolveRecipient']> {
    const code = /^refused-([a-z-]+)@/.exec(address)?.[1];
    if (code !== undefined) throw new MailError(code as MailErrorCode, 'a text for nobody');
    if (address.startsWith('broken@')) throw new Error('connection to 10.0.0.1 refused');
    return { address, deliveryAddress: address.toLowerCase(), user: '0' as UserId, account: '0' as AccountId };
  }

  async ingest(source: AsyncIterable<Buffer>, options: { readonly maxOctets: number }): Promise<IngestedMessage> {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of source) {
      size += chunk.length;
      if (size > options.maxOctets) throw new MailError('too-big', 'too big');
      chunks.push(chunk);
    }
    const octets = Buffer.concat(chunks);
    this.open += 1;
    const ingested: IngestedMessage = {
      dataHash: createHash('sha256').update(octets).digest(),
      size,
      scanned: { parts: [], size, crlfSize: size, isTruncated: false },
      dispose: async () => {
        this.open -= 1;
      },
    };
    this.#octets.set(ingested, octets);
    return ingested;
  }

  async deliver(ingested: IngestedMessage, envelope: DeliveryEnvelope): Promise<readonly DeliveryOutcome[]> {
    await this.beforeDelivery();
    this.messages.push({ octets: this.#octets.get(ingested) ?? Buffer.alloc(0), envelope });
    return envelope.recipients.map((recipient, index): DeliveryOutcome => {
      const code = /^fails-([a-z-]+)@/.exec(recipient.address)?.[1];
      if (code !== undefined) {
        return { kind: 'failed', recipient, error: new MailError(code as MailErrorCode, 'a text for nobody') };
      }
      return {
        kind: 'delivered',
        recipient,
        mailbox: 'f'.repeat(24) as MailboxId,
        uidValidity: 1,
        uid: (index + 1) as Uid,
        messageId: 'a'.repeat(32) as MessageId,
        size: ingested.size,
        isRepeat: false,
      };
    });
  }
}
