import { toTemporary } from '../db/index.ts';
import { SealError, type ContentCipher } from '../encryption/index.ts';
import { MailError } from '../kernel/errors.ts';
import type { LruCache } from '../kernel/lru-cache.ts';
import type { AttachmentRow } from './attachment-collection.ts';
import type { AttachmentFileCollection } from './attachment-file-collection.ts';
import { FRAME_OCTETS, frameName, framesOf, groupFrames, joinPieces, type FramePlace } from './attachment-frames.ts';
import { decompress, decompressFrames, isZstdError } from './zstd.ts';

/** Octets of chunks asked for at once. */
const WINDOW_OCTETS = FRAME_OCTETS;

/** Reads of at most this many frames are taken for one of many pieces; theirs are kept for the next piece. */
const CACHED_FRAMES = 3;

/** Decompressed frames by file and number. */
export type FrameCache = LruCache<string, Buffer>;

/** What reading takes beside the row. */
export interface AttachmentReading {
  readonly files: AttachmentFileCollection;
  readonly cache: FrameCache;
  readonly cipher: ContentCipher | undefined;
}

/** Chunks or frames that are not what the row says. */
export class DamagedAttachment extends Error {
  override readonly name = 'DamagedAttachment';
}

/**
 * The octets [start, end) of a row's content, a window of chunks at a time.
 * @throws DamagedAttachment, errors of the driver
 */
export async function* readRow(
  reading: AttachmentReading,
  row: AttachmentRow,
  start: number,
  end: number,
): AsyncGenerator<Buffer, void, undefined> {
  const places = placesOf(row, start, end);
  const frames = places.length <= CACHED_FRAMES ? readCached(reading, row, places) : readInTurn(reading, row, places);
  for await (const { contentStart, octets } of frames) {
    const first = Math.max(0, start - contentStart);
    const last = Math.min(octets.length, end - contentStart);
    if (first < last) yield octets.subarray(first, last);
  }
}

/** Octets of the content, beginning at `contentStart`. */
interface ContentPiece {
  readonly contentStart: number;
  readonly octets: Buffer;
}

async function* readCached(
  { files, cache, cipher }: AttachmentReading,
  row: AttachmentRow,
  places: readonly FramePlace[],
): AsyncGenerator<ContentPiece, void, undefined> {
  for (const group of groupFrames(places, WINDOW_OCTETS)) {
    const cached = group.map((place) => cache.get(frameKey(row, place)));
    const octets = cached.includes(undefined) ? await readGroup(files, row, group) : undefined;
    for (const [position, place] of group.entries()) {
      const frame = cached[position] ?? unpack(cipher, row, place, cut(row, group, place, octets));
      if (cached[position] === undefined) cache.set(frameKey(row, place), frame, frame.length);
      yield { contentStart: place.contentStart, octets: frame };
    }
  }
}

/** One frame after the other, each in the pieces in which it comes. */
async function* readInTurn(
  { files, cipher }: AttachmentReading,
  row: AttachmentRow,
  places: readonly FramePlace[],
): AsyncGenerator<ContentPiece, void, undefined> {
  const first = places[0];
  const last = places.at(-1);
  if (first === undefined || last === undefined) return;
  const pieces = storedPieces(files, row, places);
  const stored = row.sealedWith !== undefined ? openedFrames(cipher, row, places, pieces) : pieces;
  let position = first.contentStart;
  try {
    for await (const octets of row.compression === 'none' ? stored : decompressFrames(stored)) {
      yield { contentStart: position, octets };
      position += octets.length;
    }
  } catch (error) {
    throw isZstdError(error)
      ? new DamagedAttachment(`attachment ${row.id}: a frame is damaged`, { cause: error })
      : error;
  }
  if (position !== last.contentStart + last.contentLength) {
    throw new DamagedAttachment(`attachment ${row.id}: it holds another number of octets than was stored`);
  }
}

/**
 * The octets of the file that hold the frames; no piece holds octets of two. Each chunk is asked for once: one with the
 * end of a frame and the begin of the next is kept in between.
 */
async function* storedPieces(
  files: AttachmentFileCollection,
  row: AttachmentRow,
  places: readonly FramePlace[],
): AsyncGenerator<Buffer, void, undefined> {
  let chunk = { number: -1, octets: Buffer.alloc(0) as Buffer };
  for (const place of places) {
    const fileEnd = place.fileStart + place.fileLength;
    for (let position = place.fileStart; position < fileEnd;) {
      const number = Math.floor(position / FRAME_OCTETS);
      const chunkStart = number * FRAME_OCTETS;
      if (chunk.number !== number) chunk = { number, octets: await readChunk(files, row, number) };
      const piece = chunk.octets.subarray(position - chunkStart, fileEnd - chunkStart);
      if (piece.length === 0) throw missingChunks(row);
      yield piece;
      position += piece.length;
    }
  }
}

async function readChunk(files: AttachmentFileCollection, row: AttachmentRow, number: number): Promise<Buffer> {
  const [octets] = await files.chunks(row.file, number, number);
  if (octets === undefined) throw missingChunks(row);
  return octets;
}

/** As MailErrors: damage is ours to find, so a stranger only hears that something is wrong. */
export function toReadError(error: unknown): unknown {
  if (error instanceof DamagedAttachment) {
    return new MailError('internal', 'This content cannot be read at the moment', { cause: error });
  }
  return toTemporary(error);
}

function placesOf(row: AttachmentRow, start: number, end: number): FramePlace[] {
  try {
    return framesOf(row, start, end);
  } catch (error) {
    throw new DamagedAttachment(`attachment ${row.id}: its frames are not known`, { cause: error });
  }
}

/** The octets of the file from the group's first frame to its last. */
async function readGroup(
  files: AttachmentFileCollection,
  row: AttachmentRow,
  group: readonly FramePlace[],
): Promise<Buffer> {
  const first = group[0];
  const last = group.at(-1);
  if (first === undefined || last === undefined) return Buffer.alloc(0);
  const end = last.fileStart + last.fileLength;
  const firstChunk = Math.floor(first.fileStart / FRAME_OCTETS);
  const lastChunk = Math.floor((end - 1) / FRAME_OCTETS);
  const chunks = await files.chunks(row.file, firstChunk, lastChunk);
  const octets = joinPieces(chunks);
  const base = firstChunk * FRAME_OCTETS;
  if (octets.length < end - base) throw missingChunks(row);
  return octets.subarray(first.fileStart - base, end - base);
}

/** What lies of the place in the group's octets. */
function cut(row: AttachmentRow, group: readonly FramePlace[], place: FramePlace, octets: Buffer | undefined): Buffer {
  const base = group[0]?.fileStart ?? 0;
  const stored = octets?.subarray(place.fileStart - base, place.fileStart - base + place.fileLength);
  if (stored?.length !== place.fileLength) throw missingChunks(row);
  return stored;
}

/** Puts sealed frames together and opens them, one after another. */
async function* openedFrames(
  cipher: ContentCipher | undefined,
  row: AttachmentRow,
  places: readonly FramePlace[],
  pieces: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer, void, undefined> {
  let gathered: Buffer[] = [];
  let length = 0;
  let index = 0;
  for await (const piece of pieces) {
    gathered.push(piece);
    length += piece.length;
    const place = places[index];
    if (place === undefined || length < place.fileLength) continue;
    yield openFrame(cipher, row, place, joinPieces(gathered));
    gathered = [];
    length = 0;
    index += 1;
  }
}

/** @throws DamagedAttachment where it does not open; MailError where there is no key: that is no damage */
function openFrame(cipher: ContentCipher | undefined, row: AttachmentRow, place: FramePlace, stored: Buffer): Buffer {
  if (cipher === undefined)
    throw new MailError('unavailable', 'This content cannot be read at the moment', {
      cause: `it is sealed with the key ${row.sealedWith ?? ''}, and no key is configured`,
    });
  try {
    return cipher.open(row.file, frameName(place.frame), stored);
  } catch (error) {
    if (error instanceof SealError)
      throw new DamagedAttachment(`attachment ${row.id}: ${error.message}`, { cause: error });
    throw error;
  }
}

/** In memory of its own: the octets given may be a view into a reply several times as long. */
function unpack(cipher: ContentCipher | undefined, row: AttachmentRow, place: FramePlace, stored: Buffer): Buffer {
  const opened = row.sealedWith !== undefined ? openFrame(cipher, row, place, stored) : stored;
  if (row.compression === 'none') return row.sealedWith !== undefined ? opened : Buffer.from(opened);
  try {
    return decompress(opened, place.contentLength);
  } catch (error) {
    throw new DamagedAttachment(`attachment ${row.id}: frame ${place.frame} is damaged`, { cause: error });
  }
}

function missingChunks(row: AttachmentRow): DamagedAttachment {
  return new DamagedAttachment(`attachment ${row.id}: chunks are missing`);
}

function frameKey(row: AttachmentRow, place: FramePlace): string {
  return `${row.file.toString('hex')}:${place.frame}`;
}
