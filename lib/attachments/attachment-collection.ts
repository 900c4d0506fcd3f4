import { Binary, ObjectId, type Collection, type Document } from 'mongodb';
import { insertManyOutcome, isDuplicateKey, type Database } from '../db/index.ts';
import type { AttachmentId } from '../kernel/ids.ts';
import type { FrameLayout } from './attachment-frames.ts';

/** The row that makes a file the one of its content. */
export interface AttachmentRow extends FrameLayout {
  readonly id: AttachmentId;
  /** GridFS id, 12 octets. */
  readonly file: Buffer;
  readonly condemned: Condemnation | undefined;
  /** The strongest compression tried since the content came; undefined: none. */
  readonly level?: number | undefined;
}

/** Each condemnation has a mark of its own, so that who acts on one never acts on a later one. */
export interface Condemnation {
  readonly at: number;
  readonly mark: Buffer;
}

interface AttachmentDocument extends Document {
  readonly _id: Buffer;
  readonly v: 1;
  readonly file: ObjectId;
  readonly size: number;
  readonly compression: 'none' | 'zstd';
  readonly sealedWith?: string;
  readonly frames: Buffer;
  readonly level?: number;
  readonly condemnedAt?: number;
  readonly condemnation?: Buffer;
}

/** `attachments`: one row per content, `_id` = SHA-256 of its octets. */
export class AttachmentCollection {
  readonly #collection: Collection<AttachmentDocument>;

  constructor(database: Database) {
    this.#collection = database.db.collection<AttachmentDocument>('attachments', { promoteBuffers: true });
  }

  /** False where another file is the one already. */
  async insert(row: AttachmentRow): Promise<boolean> {
    try {
      await this.#collection.insertOne({
        _id: Buffer.from(row.id, 'hex'),
        v: 1,
        ...layoutFields(row),
      });
      return true;
    } catch (error) {
      if (isDuplicateKey(error)) return false;
      throw error;
    }
  }

  /** Inserts many at once. @returns those of them where another file is the one already */
  async insertMany(rows: readonly AttachmentRow[]): Promise<readonly AttachmentRow[]> {
    try {
      const documents = rows.map((row) => ({ _id: Buffer.from(row.id, 'hex'), v: 1 as const, ...layoutFields(row) }));
      await this.#collection.insertMany(documents, { ordered: false });
      return [];
    } catch (error) {
      const outcomeOf = insertManyOutcome(error, false);
      const outcomes = rows.map((_, index) => outcomeOf(index));
      if (!outcomes.every((outcome) => outcome === 'inserted' || outcome === 'duplicate')) throw error;
      return rows.filter((_, index) => outcomes[index] === 'duplicate');
    }
  }

  /** Has the row name another file with the same content; false where it is gone or names another one already. */
  async replaceFile(
    id: AttachmentId,
    old: Buffer,
    written: FrameLayout & Pick<AttachmentRow, 'file'>,
  ): Promise<boolean> {
    const result = await this.#collection.updateOne(
      { _id: Buffer.from(id, 'hex'), file: new ObjectId(old) },
      { $set: layoutFields(written), ...(written.sealedWith === undefined ? { $unset: { sealedWith: '' } } : {}) },
    );
    return result.matchedCount === 1;
  }

  /** Remembers that stronger compression has been tried. */
  async markLevel(id: AttachmentId, file: Buffer, level: number): Promise<void> {
    await this.#collection.updateOne({ _id: Buffer.from(id, 'hex'), file: new ObjectId(file) }, { $set: { level } });
  }

  /** Those of the rows that are there, in no order. */
  async find(ids: readonly AttachmentId[]): Promise<AttachmentRow[]> {
    const documents = await this.#collection.find({ _id: { $in: keys(ids) } }).toArray();
    return documents.map(toRow);
  }

  /** The next rows in order of id. */
  async page(after: AttachmentId | undefined, limit: number): Promise<AttachmentRow[]> {
    const low =
      after === undefined ? { $gte: new Binary(Buffer.alloc(32)) } : { $gt: new Binary(Buffer.from(after, 'hex')) };
    const bounds = { ...low, $lte: new Binary(Buffer.alloc(32, 0xff)) };
    const documents = await this.#collection
      .find({ _id: bounds } as unknown as Document)
      .sort({ _id: 1 })
      .limit(limit)
      .toArray();
    return documents.map(toRow);
  }

  /** False where the row is gone or condemned already. */
  async condemn(id: AttachmentId, condemnation: Condemnation): Promise<boolean> {
    const result = await this.#collection.updateOne(
      { _id: Buffer.from(id, 'hex'), condemnedAt: { $exists: false } },
      { $set: { condemnedAt: condemnation.at, condemnation: condemnation.mark } },
    );
    return result.matchedCount === 1;
  }

  /** Lifts the condemnation where there is one; a row that is gone stays gone. */
  async lift(ids: readonly AttachmentId[]): Promise<void> {
    await this.#collection.updateMany(
      { _id: { $in: keys(ids) }, condemnedAt: { $exists: true } },
      { $unset: { condemnedAt: '', condemnation: '' } },
    );
  }

  /** Deletes the row if it is still condemned by this very condemnation. */
  async deleteCondemned(id: AttachmentId, condemnation: Condemnation): Promise<boolean> {
    const result = await this.#collection.deleteOne({ _id: Buffer.from(id, 'hex'), condemnation: condemnation.mark });
    return result.deletedCount === 1;
  }
}

function layoutFields({ file, size, compression, sealedWith, frames }: FrameLayout & Pick<AttachmentRow, 'file'>) {
  return { file: new ObjectId(file), size, compression, ...(sealedWith === undefined ? {} : { sealedWith }), frames };
}

function keys(ids: readonly AttachmentId[]): Buffer[] {
  return ids.map((id) => Buffer.from(id, 'hex'));
}

function toRow(document: AttachmentDocument): AttachmentRow {
  const { condemnedAt, condemnation } = document;
  return {
    id: document._id.toString('hex') as AttachmentId,
    file: Buffer.from(document.file.id),
    size: document.size,
    compression: document.compression,
    sealedWith: document.sealedWith,
    level: document.level,
    // A copy, for rows are cached and the original is a view into the whole reply.
    frames: Buffer.from(document.frames),
    condemned:
      condemnedAt === undefined || condemnation === undefined ? undefined : { at: condemnedAt, mark: condemnation },
  };
}
