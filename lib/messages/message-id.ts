import { hash } from 'node:crypto';
import type { MessageId } from '../kernel/ids.ts';
import type { StoreOptions } from './messages.ts';

/**
 * The id of a message's data: the same for the same octets from the same origin, so that a retry finds what was
 * stored. Deliveries count the recipient in; the occurrence tells later deliveries of the same octets from retries.
 */
export function messageIdOf(origin: StoreOptions['origin'], occurrence: number, dataHash: Buffer): MessageId {
  const recipient = Buffer.from(origin.kind === 'delivery' ? origin.recipient : '');
  const head = Buffer.alloc(9);
  head.writeUInt8(origin.kind === 'delivery' ? 1 : 2, 0);
  head.writeUInt32BE(recipient.length, 1);
  head.writeUInt32BE(occurrence, 5);
  return firstOctets(head, recipient, dataHash);
}

/**
 * The thread a message belongs to: that of the first message it refers to, else one of its own.
 * @param references the unfolded References field; `inReplyTo`, `messageId` likewise
 * @param fallback of messages that name nothing
 */
export function threadOf(
  references: string | undefined,
  inReplyTo: string | undefined,
  messageId: string | undefined,
  fallback: Buffer,
): MessageId {
  const root = firstMessageId(references) ?? firstMessageId(inReplyTo) ?? firstMessageId(messageId);
  return root === undefined
    ? firstOctets(Buffer.from('own:'), fallback)
    : firstOctets(Buffer.from('id:'), Buffer.from(root));
}

/** Hash under which a Message-ID is looked up: 16 octets; undefined where there is none. */
export function messageIdHashOf(messageId: string | undefined): Buffer | undefined {
  const id = firstMessageId(messageId);
  return id === undefined ? undefined : hash('sha256', Buffer.from(id, 'latin1'), 'buffer').subarray(0, 16);
}

/** The first `<…>` of a field (RFC 5322 section 3.6.4); fields without one are taken whole, as odd clients write them. */
function firstMessageId(field: string | undefined): string | undefined {
  if (field === undefined) return undefined;
  const open = field.indexOf('<');
  const close = open < 0 ? -1 : field.indexOf('>', open);
  const id = close < 0 ? field : field.slice(open, close + 1);
  const trimmed = id.replace(/\s+/g, '');
  return trimmed === '' || trimmed === '<>' ? undefined : trimmed;
}

function firstOctets(...parts: readonly Buffer[]): MessageId {
  return hash('sha256', Buffer.concat(parts), 'hex').slice(0, 32) as MessageId;
}
