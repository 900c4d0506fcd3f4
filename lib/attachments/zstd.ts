import { Readable } from 'node:stream';
import {
  constants,
  createZstdCompress,
  createZstdDecompress,
  zstdCompressSync,
  zstdDecompressSync,
  type ZstdCompress,
} from 'node:zlib';

/** On mail, level 3 saves one part in forty over level 1, and takes up to eight times as long for what hardly compresses. */
const PARAMETERS = { [constants.ZSTD_c_compressionLevel]: 1 };

/** Octets of a piece of output. */
const PIECE_OCTETS = 64 * 1024;

/** The last piece of output of a single call stays with its context until a full collection: so it is small. */
const SMALL_PIECE_OCTETS = 16 * 1024;

/** One zstd frame, at once: for a quarter of a megabyte at most, which takes a millisecond. */
export function compress(octets: Buffer): Buffer {
  return zstdCompressSync(octets, { chunkSize: SMALL_PIECE_OCTETS, pledgedSrcSize: octets.length, params: PARAMETERS });
}

/**
 * @param length octets expected, a quarter of a megabyte at most
 * @throws Error where the frame is damaged or would give another length
 */
export function decompress(octets: Buffer, length: number): Buffer {
  // The limit must be 1 at least; it keeps a damaged frame from taking more memory than was promised.
  const plain = zstdDecompressSync(octets, { chunkSize: SMALL_PIECE_OCTETS, maxOutputLength: Math.max(1, length) });
  if (plain.length !== length) throw wrongLength(plain.length, length);
  return plain;
}

/**
 * Makes many frames, one after another, with one context: a context for each costs a megabyte that is only freed by a
 * full collection of garbage, and many frames would raise the peak of memory by tens of them.
 */
export class FrameCompressor {
  readonly #stream: ZstdCompress;
  #pieces: Buffer[] = [];

  /** @param level of zstd; undefined: the one that mail is received with */
  constructor(level?: number) {
    const params = level === undefined ? PARAMETERS : { [constants.ZSTD_c_compressionLevel]: level };
    this.#stream = createZstdCompress({ chunkSize: PIECE_OCTETS, params });
    this.#stream.on('data', (piece: Buffer) => this.#pieces.push(piece));
    // Whoever waits hears of it; nobody may wait.
    this.#stream.on('error', () => undefined);
  }

  /** The frame in pieces. The octets may be used again afterwards. */
  async compress(octets: Buffer): Promise<readonly Buffer[]> {
    this.#pieces = [];
    await new Promise<void>((resolve, reject) => {
      this.#stream.once('error', reject);
      this.#stream.write(octets);
      this.#stream.flush(constants.ZSTD_e_end, () => {
        this.#stream.off('error', reject);
        resolve();
      });
    });
    return this.#pieces;
  }

  close(): void {
    this.#stream.destroy();
  }
}

/**
 * What many frames hold, one after another, in pieces; what is damaged may also just end early.
 * @param stored pieces of frames, none with octets of two: what stands behind a frame's end in a piece is passed over
 */
export async function* decompressFrames(stored: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  const source = Readable.from(stored, { objectMode: false });
  const stream = createZstdDecompress({ chunkSize: PIECE_OCTETS });
  source.on('error', (error) => stream.destroy(error));
  source.pipe(stream);
  try {
    for await (const piece of stream) yield piece as Buffer;
  } finally {
    source.destroy();
    stream.destroy();
  }
}

/** Whether the error tells of damage in a frame. */
export function isZstdError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ZSTD_');
}

function wrongLength(given: number, expected: number): RangeError {
  return new RangeError(`a zstd frame of ${given} octets where ${expected} were stored`);
}
