import { decodeRawDocument, openRawDocuments, withRawKey, type Database } from '../db/index.ts';
import type { AccountId, AttachmentId, MessageId } from '../kernel/ids.ts';

/** A message document on its way elsewhere, and what it needs beside itself. */
export interface CarriedMessage {
  readonly messageId: MessageId;
  /** The document as it is stored, under the key that it has. */
  readonly raw: Buffer;
  /** What its content lies in, each once. */
  readonly attachments: readonly AttachmentId[];
  /** What its refs carry. */
  readonly refToken: Buffer;
  /** Id of the key that opens what is sealed of it; undefined where nothing is. */
  readonly sealedWith?: string;
}

/** Message documents as a whole, for who keeps them elsewhere. */
export interface MessageTransfer {
  /** Those of the ids that are there, in no order. @throws MailError `unavailable` */
  read(account: AccountId, messageIds: Iterable<MessageId>): AsyncGenerator<CarriedMessage, void, undefined>;
  /**
   * Writes documents under another account; what is there already stays. Their attachments must have been kept with
   * the token that each names, and the account's log must name them before a sweep comes by.
   */
  write(account: AccountId, messages: readonly CarriedMessage[]): Promise<void>;
}

/** Documents of one read; each has some hundred KiB at most. */
const BATCH = 64;
const ACCOUNT_OCTETS = 12;
const HASH_OCTETS = 32;

export function createMessageTransfer(database: Database): MessageTransfer {
  const documents = openRawDocuments(database, 'messages');
  return {
    async *read(account, messageIds) {
      let batch: Buffer[] = [];
      for (const messageId of messageIds) {
        batch.push(Buffer.from(account + messageId, 'hex'));
        if (batch.length < BATCH) continue;
        for (const raw of await documents.find(batch)) yield describeMessage(raw);
        batch = [];
      }
      if (batch.length > 0) for (const raw of await documents.find(batch)) yield describeMessage(raw);
    },
    write: async (account, messages) => {
      const owner = Buffer.from(account, 'hex');
      const moved = messages.map(({ raw }) =>
        withRawKey(raw, (key) => Buffer.concat([owner, key.subarray(ACCOUNT_OCTETS)])),
      );
      await documents.insert(moved);
    },
  };
}

/** What a document is and needs. @throws RangeError where it is no message document */
export function describeMessage(raw: Buffer): CarriedMessage {
  const { _id, v, attachments, renderedIn, refToken, sealedWith } = decodeRawDocument(raw);
  if (!Buffer.isBuffer(_id) || v !== 1 || !Buffer.isBuffer(attachments) || !Buffer.isBuffer(refToken))
    throw new RangeError('not a message document of a version that is known here');
  const ids = new Set<AttachmentId>();
  for (let start = 0; start < attachments.length; start += HASH_OCTETS)
    ids.add(attachments.toString('hex', start, start + HASH_OCTETS) as AttachmentId);
  if (Buffer.isBuffer(renderedIn)) ids.add(renderedIn.toString('hex') as AttachmentId);
  return {
    messageId: _id.toString('hex', ACCOUNT_OCTETS) as MessageId,
    raw,
    attachments: [...ids],
    refToken,
    ...(typeof sealedWith === 'string' ? { sealedWith } : {}),
  };
}
