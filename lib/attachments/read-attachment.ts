import { toTemporary } from '../db/index.ts';
import { MailError } from '../kernel/errors.ts';
import type { LruCache } from '../kernel/lru-cache.ts';
import type { AttachmentRow } from './attachment-collection.ts';
import type { AttachmentFileCollection } from './attachment-file-collection.ts';
import { FRAME_OCTETS, framesOf, groupFrames, type FramePlace } from './attachment-frames.ts';
import { decompress } from './zstd.ts';

/** Octets of chunks asked for at once: two chunks, so that a slow reader holds little. */
const WINDOW_OCTETS = FRAME_OCTETS;

/** Reads of at most this many frames are taken for one of many pieces; theirs are kept for the next piece. */
const CACHED_FRAMES = 3;

/** Decompressed frames by file and number. */
export type FrameCache = LruCache<string, Buffer>;

/** Chunks or frames that are not what the row says. */
export class DamagedAttachment extends Error {
  override readonly name = 'DamagedAttachment';
}

/**
 * The octets [start, end) of a row's content, a window of chunks at a time.
 * @throws DamagedAttachment, errors of the driver
 */
export async function* readRow(
  files: AttachmentFileCollection,
  cache: FrameCache,
  row: AttachmentRow,
  start: number,
  end: number,
): AsyncGenerator<Buffer, void, undefined> {
  const places = placesOf(row, start, end);
  const keep = places.length <= CACHED_FRAMES;
  for (const group of groupFrames(places, WINDOW_OCTETS)) {
    const cached = group.map((place) => cache.get(frameKey(row, place)));
    const missing = cached.includes(undefined) ? await readGroup(files, row, group) : undefined;
    for (const [position, place] of group.entries()) {
      const frame = cached[position] ?? (await unpack(row, place, missing, group));
      // A copy, for the original may be a view into a reply several times as long.
      if (keep && cached[position] === undefined) cache.set(frameKey(row, place), Buffer.from(frame), frame.length);
      yield frame.subarray(
        Math.max(0, start - place.contentStart),
        Math.min(place.contentLength, end - place.contentStart),
      );
    }
  }
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
  const octets = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
  const base = firstChunk * FRAME_OCTETS;
  if (octets.length < end - base) throw new DamagedAttachment(`attachment ${row.id}: chunks are missing`);
  return octets.subarray(first.fileStart - base, end - base);
}

async function unpack(
  row: AttachmentRow,
  place: FramePlace,
  octets: Buffer | undefined,
  group: readonly FramePlace[],
): Promise<Buffer> {
  const base = group[0]?.fileStart ?? 0;
  const stored = octets?.subarray(place.fileStart - base, place.fileStart - base + place.fileLength);
  if (stored?.length !== place.fileLength) throw new DamagedAttachment(`attachment ${row.id}: chunks are missing`);
  if (row.compression === 'none') return stored;
  try {
    return await decompress(stored, place.contentLength);
  } catch (error) {
    throw new DamagedAttachment(`attachment ${row.id}: frame ${place.frame} is damaged`, { cause: error });
  }
}

function frameKey(row: AttachmentRow, place: FramePlace): string {
  return `${row.file.toString('hex')}:${place.frame}`;
}
