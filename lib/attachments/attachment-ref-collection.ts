import { Binary, type Collection, type Document } from 'mongodb';
import { isDuplicateKey, type Database } from '../db/index.ts';
import type { AccountId, AttachmentId, MessageId } from '../kernel/ids.ts';
import type { AttachmentOwner } from './attachments.ts';

/** A message's reference to an attachment. */
export interface AttachmentRef {
  readonly attachment: AttachmentId;
  readonly owner: AttachmentOwner;
  /** Of the writer who needed it last. */
  readonly token: Buffer;
  readonly at: number;
}

interface AttachmentRefDocument extends Document {
  /** attachment (32) || account (12) || messageId (16) */
  readonly _id: Buffer;
  readonly v: 1;
  readonly token: Buffer;
  readonly at: number;
}

const OWNER_OCTETS = 28;

/** `attachmentRefs`: one row per reference. */
export class AttachmentRefCollection {
  readonly #collection: Collection<AttachmentRefDocument>;

  constructor(database: Database) {
    this.#collection = database.db.collection<AttachmentRefDocument>('attachmentRefs', { promoteBuffers: true });
  }

  /** Writes the refs, or renews their token and time where they are there. */
  async put(refs: readonly Omit<AttachmentRef, 'at'>[], at: number): Promise<void> {
    const operations = refs.map(({ attachment, owner, token }) => ({
      updateOne: {
        filter: { _id: refKey(attachment, owner) },
        update: { $set: { v: 1 as const, token, at } },
        upsert: true,
      },
    }));
    try {
      await this.#collection.bulkWrite(operations, { ordered: false });
    } catch (error) {
      // Two upserts of one row can collide; the second time the row is there.
      if (!isDuplicateKey(error)) throw error;
      await this.#collection.bulkWrite(operations, { ordered: false });
    }
  }

  /** Deletes those of the refs that carry the token. */
  async remove(owner: AttachmentOwner, ids: readonly AttachmentId[], token: Buffer): Promise<void> {
    await this.#collection.deleteMany({ _id: { $in: ids.map((id) => refKey(id, owner)) }, token });
  }

  /** True where any message refers to the attachment. */
  async exists(id: AttachmentId): Promise<boolean> {
    const hash = Buffer.from(id, 'hex');
    const bounds = {
      $gte: new Binary(Buffer.concat([hash, Buffer.alloc(OWNER_OCTETS)])),
      $lte: new Binary(Buffer.concat([hash, Buffer.alloc(OWNER_OCTETS, 0xff)])),
    };
    const document = await this.#collection.findOne({ _id: bounds } as unknown as Document, { projection: { _id: 1 } });
    return document !== null;
  }

  async find(owner: AttachmentOwner, ids: readonly AttachmentId[]): Promise<AttachmentRef[]> {
    const documents = await this.#collection.find({ _id: { $in: ids.map((id) => refKey(id, owner)) } }).toArray();
    return documents.map(toRef);
  }

  /** The next refs in order of their key. */
  async page(after: AttachmentRef | undefined, limit: number): Promise<AttachmentRef[]> {
    const low =
      after === undefined
        ? { $gte: new Binary(Buffer.alloc(32 + OWNER_OCTETS)) }
        : { $gt: new Binary(refKey(after.attachment, after.owner)) };
    const bounds = { ...low, $lte: new Binary(Buffer.alloc(32 + OWNER_OCTETS, 0xff)) };
    const documents = await this.#collection
      .find({ _id: bounds } as unknown as Document)
      .sort({ _id: 1 })
      .limit(limit)
      .toArray();
    return documents.map(toRef);
  }
}

function refKey(id: AttachmentId, owner: AttachmentOwner): Buffer {
  return Buffer.from(id + owner.account + owner.messageId, 'hex');
}

function toRef(document: AttachmentRefDocument): AttachmentRef {
  const key = document._id.toString('hex');
  return {
    attachment: key.slice(0, 64) as AttachmentId,
    owner: { account: key.slice(64, 88) as AccountId, messageId: key.slice(88) as MessageId },
    token: document.token,
    at: document.at,
  };
}
