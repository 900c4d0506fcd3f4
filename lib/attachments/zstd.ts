import { promisify } from 'node:util';
import { constants, zstdCompress, zstdCompressSync, zstdDecompress, zstdDecompressSync } from 'node:zlib';

/** Below this many octets the thread pool costs ten times as much as the work. */
const SYNCHRONOUS_OCTETS = 64 * 1024;

/** Level 3 is zstd's own default: above it mail gains a few percent at several times the cost. */
const OPTIONS = { params: { [constants.ZSTD_c_compressionLevel]: 3 } };

const compressAsync = promisify<Buffer, typeof OPTIONS, Buffer>(zstdCompress);
const decompressAsync = promisify<Buffer, { maxOutputLength: number }, Buffer>(zstdDecompress);

/** One zstd frame. Small work is done at once, larger work off the event loop. */
export async function compress(octets: Buffer): Promise<Buffer> {
  return octets.length < SYNCHRONOUS_OCTETS ? zstdCompressSync(octets, OPTIONS) : compressAsync(octets, OPTIONS);
}

/**
 * @param length octets expected
 * @throws Error where the frame is damaged or would give another length
 */
export async function decompress(octets: Buffer, length: number): Promise<Buffer> {
  // The limit must be 1 at least; it keeps a damaged frame from taking more memory than the row promises.
  const limit = { maxOutputLength: Math.max(1, length) };
  const plain = length < SYNCHRONOUS_OCTETS ? zstdDecompressSync(octets, limit) : await decompressAsync(octets, limit);
  if (plain.length !== length)
    throw new RangeError(`a zstd frame of ${plain.length} octets where ${length} were stored`);
  return plain;
}
