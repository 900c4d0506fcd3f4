/**
 * How stored octets are cut: into frames that are compressed each for itself, so that a range reads only the
 * frames it needs. A frame is as long as a GridFS chunk: uncompressed, frame n is chunk n.
 */

/** Octets of a frame before compression, and of a GridFS chunk (the drivers' usual 255 KiB). */
export const FRAME_OCTETS = 255 * 1024;

export type Compression = 'none' | 'zstd';

/** Where a file's frames lie. */
export interface FrameLayout {
  /** Octets of the content. */
  readonly size: number;
  readonly compression: Compression;
  /** Id of the key that each frame was sealed with (lib/encryption), after its compression; undefined: none was. */
  readonly sealedWith: string | undefined;
  /** Stored length of each frame, 4 octets big endian each; empty where all are stored as they are. */
  readonly frames: Buffer;
}

/** One frame as it lies in the file. */
export interface FramePlace {
  readonly frame: number;
  /** First octet in the content. */
  readonly contentStart: number;
  readonly contentLength: number;
  /** First octet in the file. */
  readonly fileStart: number;
  readonly fileLength: number;
}

/** Number of frames that content of `size` octets has. */
export function frameCount(size: number): number {
  return Math.ceil(size / FRAME_OCTETS);
}

/**
 * The frames that hold the content's octets [start, end), in order.
 * @throws RangeError where the index does not fit the size: the row is damaged
 */
export function framesOf(layout: FrameLayout, start: number, end: number): FramePlace[] {
  if (start >= end) return [];
  const first = Math.floor(start / FRAME_OCTETS);
  const last = Math.floor((end - 1) / FRAME_OCTETS);
  const isIndexed = layout.compression === 'zstd' || layout.sealedWith !== undefined;
  if (isIndexed && layout.frames.length !== 4 * frameCount(layout.size)) {
    throw new RangeError(`${layout.frames.length / 4} frames for ${layout.size} octets`);
  }
  const places: FramePlace[] = [];
  let fileStart = isIndexed ? sumOfLengths(layout.frames, first) : first * FRAME_OCTETS;
  for (let frame = first; frame <= last; frame += 1) {
    const contentStart = frame * FRAME_OCTETS;
    const contentLength = Math.min(FRAME_OCTETS, layout.size - contentStart);
    const fileLength = isIndexed ? layout.frames.readUInt32BE(4 * frame) : contentLength;
    places.push({ frame, contentStart, contentLength, fileStart, fileLength });
    fileStart += fileLength;
  }
  return places;
}

/** Consecutive frames grouped so that one read of the file takes at most `octets`, or a single frame. */
export function groupFrames(places: readonly FramePlace[], octets: number): FramePlace[][] {
  const groups: FramePlace[][] = [];
  let group: FramePlace[] = [];
  let length = 0;
  for (const place of places) {
    if (group.length > 0 && length + place.fileLength > octets) {
      groups.push(group);
      group = [];
      length = 0;
    }
    group.push(place);
    length += place.fileLength;
  }
  if (group.length > 0) groups.push(group);
  return groups;
}

function sumOfLengths(frames: Buffer, count: number): number {
  let sum = 0;
  for (let frame = 0; frame < count; frame += 1) sum += frames.readUInt32BE(4 * frame);
  return sum;
}

/** What a frame is sealed as, beside the file's id. */
export function frameName(frame: number): string {
  return `frame ${String(frame)}`;
}

/** The octets of all pieces, which are copied only where there are several. */
export function joinPieces(pieces: readonly Buffer[]): Buffer {
  return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces);
}
