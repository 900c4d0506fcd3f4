import type { AttachmentId } from '../kernel/ids.ts';
import type { AttachmentFileCollection, FileChunk, FileLength, FileSink } from './attachment-file-collection.ts';

/** Takes small files as a writer makes them, and writes them together. */
export class GatheredFiles implements FileSink {
  readonly #files: AttachmentFileCollection;
  #chunks: FileChunk[] = [];
  #lengths: FileLength[] = [];

  constructor(files: AttachmentFileCollection) {
    this.#files = files;
  }

  newFileId(): Buffer {
    return this.#files.newFileId();
  }

  insertChunk(file: Buffer, n: number, data: Buffer): Promise<void> {
    this.#chunks.push({ file, n, data: Buffer.from(data) });
    return Promise.resolve();
  }

  insertFile(file: Buffer, attachment: AttachmentId, length: number): Promise<void> {
    this.#lengths.push({ file, attachment, length });
    return Promise.resolve();
  }

  /** Of one that could not be read to its end nothing is written. */
  delete(file: Buffer): Promise<void> {
    this.#chunks = this.#chunks.filter((chunk) => !chunk.file.equals(file));
    this.#lengths = this.#lengths.filter((length) => !length.file.equals(file));
    return Promise.resolve();
  }

  /** Durable once it resolves; what it leaves behind when it fails is swept later. */
  async write(): Promise<void> {
    if (this.#lengths.length > 0) await this.#files.insertTogether(this.#chunks, this.#lengths);
  }
}
