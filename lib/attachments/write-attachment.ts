import { createHash } from 'node:crypto';
import { crashPoint } from '../kernel/crash-point.ts';
import { SEAL_OCTETS, type ContentCipher } from '../encryption/index.ts';
import { MailError } from '../kernel/errors.ts';
import type { FileSink } from './attachment-file-collection.ts';
import { FRAME_OCTETS, frameCount, frameName, joinPieces, type FrameLayout } from './attachment-frames.ts';
import type { AttachmentSource } from './attachments.ts';
import { isWorthwhile, mayCompress } from './compression-choice.ts';
import { FrameCompressor } from './zstd.ts';

/** A file that holds a source's octets and that no row names yet. */
export interface WrittenFile extends FrameLayout {
  readonly file: Buffer;
}

/** How octets are to be stored. */
export interface StorageForm {
  readonly cipher: ContentCipher | undefined;
  /** Of zstd; undefined: the one that mail is received with. */
  readonly level?: number | undefined;
}

/**
 * Writes the source's octets to a new file, compressed where the type allows it and the first frame says that it pays,
 * and sealed where there is a cipher. Holds two frames. What it leaves behind when it fails is removed, or else swept later.
 * @throws MailError `internal` where the source's octets are not what its id says
 */
export async function writeAttachment(
  files: FileSink,
  source: AttachmentSource,
  how: StorageForm,
): Promise<WrittenFile> {
  const file = files.newFileId();
  try {
    return await writeFrames(files, source, file, how);
  } catch (error) {
    await files.delete(file).catch(() => undefined);
    throw error;
  }
}

async function writeFrames(
  files: FileSink,
  source: AttachmentSource,
  file: Buffer,
  { cipher, level }: StorageForm,
): Promise<WrittenFile> {
  const octetsAtOnce = Math.max(1, Math.min(source.size, FRAME_OCTETS));
  // What fits one frame fits one chunk, compressed or not.
  const chunkOctets = Math.min(FRAME_OCTETS, octetsAtOnce + (cipher === undefined ? 0 : SEAL_OCTETS));
  const chunks = new ChunkWriter(files, file, chunkOctets);
  const hash = createHash('sha256');
  const index = Buffer.alloc(4 * frameCount(source.size));
  const compressor = mayCompress(source.type) ? new FrameCompressor(level) : undefined;
  let isCompressed = compressor !== undefined;
  let frames = 0;
  try {
    for await (const frame of inFrames(source.read(), octetsAtOnce)) {
      hash.update(frame);
      const packed = compressor !== undefined && isCompressed ? await compressor.compress(frame) : [frame];
      if (frames === 0 && isCompressed) isCompressed = isWorthwhile(frame.length, sizeOf(packed));
      const plain = isCompressed ? packed : [frame];
      const stored = cipher === undefined ? plain : [cipher.seal(file, frameName(frames), joinPieces(plain))];
      if (frames < index.length / 4) index.writeUInt32BE(sizeOf(stored), 4 * frames);
      frames += 1;
      for (const piece of stored) await chunks.write(piece);
    }
  } finally {
    compressor?.close();
  }
  // Checked before the row makes it the one: octets under a wrong hash would reach other people's messages.
  if (hash.digest('hex') !== source.id) {
    throw new MailError('internal', 'Internal error, please try again later', {
      cause: new Error('spooled octets changed'),
    });
  }
  await files.insertFile(file, source.id, await chunks.finish());
  crashPoint('attachment.file-written');
  return {
    file,
    size: source.size,
    compression: isCompressed ? 'zstd' : 'none',
    sealedWith: cipher?.currentKey,
    frames: isCompressed || cipher !== undefined ? index : Buffer.alloc(0),
  };
}

function sizeOf(pieces: readonly Buffer[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}

/** Cuts a stream into frames; the memory of a frame is used again for the next one. */
async function* inFrames(
  source: AsyncIterable<Buffer>,
  octetsOfFrame: number,
): AsyncGenerator<Buffer, void, undefined> {
  const frame = Buffer.allocUnsafeSlow(octetsOfFrame);
  let length = 0;
  for await (const octets of source) {
    let taken = 0;
    while (taken < octets.length) {
      const copied = octets.copy(frame, length, taken);
      taken += copied;
      length += copied;
      if (length === octetsOfFrame) {
        yield frame;
        length = 0;
      }
    }
  }
  if (length > 0) yield frame.subarray(0, length);
}

/** Fills chunks to the octet, as GridFS wants them. */
class ChunkWriter {
  readonly #files: FileSink;
  readonly #file: Buffer;
  readonly #chunk: Buffer;
  #filled = 0;
  #count = 0;

  constructor(files: FileSink, file: Buffer, octetsOfChunk: number) {
    this.#chunk = Buffer.allocUnsafeSlow(octetsOfChunk);
    this.#files = files;
    this.#file = file;
  }

  async write(octets: Buffer): Promise<void> {
    let taken = 0;
    while (taken < octets.length) {
      const copied = octets.copy(this.#chunk, this.#filled, taken);
      taken += copied;
      this.#filled += copied;
      if (this.#filled === this.#chunk.length) await this.#insert();
    }
  }

  /** @returns octets written */
  async finish(): Promise<number> {
    const length = this.#count * this.#chunk.length + this.#filled;
    if (this.#filled > 0) await this.#insert();
    return length;
  }

  async #insert(): Promise<void> {
    await this.#files.insertChunk(this.#file, this.#count, this.#chunk.subarray(0, this.#filled));
    crashPoint('attachment.chunk-written');
    this.#count += 1;
    this.#filled = 0;
  }
}
