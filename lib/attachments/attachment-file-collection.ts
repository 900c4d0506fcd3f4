import { randomBytes } from 'node:crypto';
import { GridFSBucket, ObjectId, type Binary, type Collection, type Document } from 'mongodb';
import type { Database } from '../db/index.ts';
import type { Clock } from '../kernel/clock.ts';
import type { AttachmentId } from '../kernel/ids.ts';
import { FRAME_OCTETS } from './attachment-frames.ts';

/** A stored file as the sweep meets it; one without a files document has chunks only. */
export interface AttachmentFile {
  /** GridFS id, 12 octets. */
  readonly file: Buffer;
  readonly attachment: AttachmentId;
}

/** A file of whose chunks it is known how long they are together, in octets. */
export interface FileLength extends AttachmentFile {
  readonly length: number;
}

/** One chunk on its way into the database. */
export interface FileChunk {
  readonly file: Buffer;
  readonly n: number;
  readonly data: Buffer;
}

/** What writing one file needs. */
export type FileSink = Pick<AttachmentFileCollection, 'delete' | 'insertChunk' | 'insertFile' | 'newFileId'>;

interface FileDocument extends Document {
  readonly _id: ObjectId;
  readonly length: number;
  readonly chunkSize: number;
  readonly uploadDate: Date;
  readonly filename: string;
}

interface ChunkDocument extends Document {
  readonly _id: ObjectId;
  readonly files_id: ObjectId;
  readonly n: number;
  readonly data: Buffer | Binary;
}

const BUCKET = 'attachmentFiles';

/**
 * `attachmentFiles.files` and `.chunks`: a GridFS bucket as any driver reads it. Chunks are written and read here
 * rather than by the driver's streams, for two reasons: its upload leaves a failure of the last chunk to nobody (an
 * unhandled rejection, and a stream that never ends), and its download asks for as many chunks as fit 16 MB at once.
 */
export class AttachmentFileCollection {
  readonly #files: Collection<FileDocument>;
  readonly #chunks: Collection<ChunkDocument>;
  readonly #bucket: GridFSBucket;
  readonly #clock: Clock;
  #indexed: Promise<unknown> | undefined;

  constructor(database: Database, clock: Clock) {
    this.#files = database.db.collection<FileDocument>(`${BUCKET}.files`);
    this.#chunks = database.db.collection<ChunkDocument>(`${BUCKET}.chunks`, { promoteBuffers: true });
    this.#bucket = new GridFSBucket(database.db, { bucketName: BUCKET, chunkSizeBytes: FRAME_OCTETS });
    this.#clock = clock;
  }

  /**
   * A fresh id. Its first octets are random, so that uploads spread over shards; its last four tell the second it was
   * drawn in, so that the age of a chunk without a file is known.
   */
  newFileId(): Buffer {
    const id = Buffer.concat([randomBytes(8), Buffer.alloc(4)]);
    id.writeUInt32BE(Math.floor(this.#clock.now() / 1000), 8);
    return id;
  }

  /** @param data at most FRAME_OCTETS, less only in a file's last chunk; free to be reused afterwards */
  async insertChunk(file: Buffer, n: number, data: Buffer): Promise<void> {
    await this.#ensureIndex();
    await this.#chunks.insertOne({ _id: new ObjectId(), files_id: new ObjectId(file), n, data });
  }

  /** Makes a GridFS file of the chunks. */
  async insertFile(file: Buffer, attachment: AttachmentId, length: number): Promise<void> {
    await this.#files.insertOne(this.#fileDocument({ file, attachment, length }));
  }

  /** Whole files at once: all chunks first, then what makes files of them. */
  async insertTogether(chunks: readonly FileChunk[], files: readonly FileLength[]): Promise<void> {
    await this.#ensureIndex();
    const documents = chunks.map(({ file, n, data }) => ({
      _id: new ObjectId(),
      files_id: new ObjectId(file),
      n,
      data,
    }));
    if (documents.length > 0) await this.#chunks.insertMany(documents, { ordered: false });
    await this.#files.insertMany(
      files.map((file) => this.#fileDocument(file)),
      { ordered: false },
    );
  }

  #fileDocument({ file, attachment, length }: FileLength): FileDocument {
    return {
      _id: new ObjectId(file),
      length,
      chunkSize: FRAME_OCTETS,
      uploadDate: new Date(this.#clock.now()),
      filename: attachment,
    };
  }

  /** The data of chunks first … last in order; fewer where some are missing. Views into the reply. */
  async chunks(file: Buffer, first: number, last: number): Promise<Buffer[]> {
    const documents = await this.#chunks
      .find({ files_id: new ObjectId(file), n: { $gte: first, $lte: last } }, { projection: { _id: 0, n: 1, data: 1 } })
      .sort({ n: 1 })
      .toArray();
    const data: Buffer[] = [];
    for (const document of documents) {
      if (document.n !== first + data.length || !Buffer.isBuffer(document.data)) break;
      data.push(document.data);
    }
    return data;
  }

  /** Deletes the file and its chunks; nothing where they are gone. */
  async delete(file: Buffer): Promise<void> {
    const id = new ObjectId(file);
    const known = await this.#files.findOne({ _id: id }, { projection: { _id: 1 } });
    if (known !== null) await this.#bucket.delete(id);
    else await this.#chunks.deleteMany({ files_id: id });
  }

  /** The next files in order of id. */
  async pageOfFiles(after: Buffer | undefined, limit: number): Promise<AttachmentFile[]> {
    const documents = await this.#files
      .find({ _id: bounds(after) }, { projection: { _id: 1, filename: 1 } })
      .sort({ _id: 1 })
      .limit(limit)
      .toArray();
    return documents.map((document) => ({
      file: Buffer.from(document._id.id),
      attachment: document.filename as AttachmentId,
    }));
  }

  /** The ids of the next chunks' files, each once, in order. */
  async pageOfChunkFiles(after: Buffer | undefined, limit: number): Promise<Buffer[]> {
    const documents = await this.#chunks
      .find({ files_id: bounds(after) }, { projection: { _id: 0, files_id: 1 } })
      .sort({ files_id: 1, n: 1 })
      .limit(limit)
      .toArray();
    return [...new Set(documents.map((document) => document.files_id.toHexString()))].map((id) =>
      Buffer.from(id, 'hex'),
    );
  }

  /** Which of the ids have a files document. */
  async withFile(files: readonly Buffer[]): Promise<ReadonlySet<string>> {
    const ids = files.map((file) => new ObjectId(file));
    const documents = await this.#files.find({ _id: { $in: ids } }, { projection: { _id: 1 } }).toArray();
    return new Set(documents.map((document) => document._id.toHexString()));
  }

  /** GridFS reads chunks by (files_id, n); unique, so that no chunk is there twice. */
  async #ensureIndex(): Promise<void> {
    this.#indexed ??= this.#chunks.createIndex({ files_id: 1, n: 1 }, { unique: true }, {});
    try {
      await this.#indexed;
    } catch (error) {
      this.#indexed = undefined;
      throw error;
    }
  }
}

/** When the id was drawn, in milliseconds since 1970, to the second. */
export function fileIdTime(file: Buffer): number {
  return file.readUInt32BE(8) * 1000;
}

function bounds(after: Buffer | undefined): Document {
  const low = after === undefined ? { $gte: new ObjectId(Buffer.alloc(12)) } : { $gt: new ObjectId(after) };
  return { ...low, $lte: new ObjectId(Buffer.alloc(12, 0xff)) };
}
