import { readSync } from 'node:fs';
import { endianness } from 'node:os';

/**
 * SQLite's write-ahead log read as its file format says (sqlite.org/fileformat2.html, section 4), before SQLite itself
 * opens it: SQLite goes on behind a damaged frame as if nothing had ever been there.
 */
const HEADER_OCTETS = 32;
const FRAME_HEADER_OCTETS = 24;
const MAGIC = 0x377f0682;
const VERSION = 3007000;
const CHUNK_FRAMES = 32;

/** Where a log stands after some of its frames: the sum of a frame covers all frames before it. */
export interface LogPosition {
  /** The two salts of the log's header: another pair is another log. Eight octets. */
  readonly salts: Buffer;
  readonly frames: number;
  /** Both halves of the last frame's sum; eight octets, big-endian. */
  readonly sum: Buffer;
}

export interface LogScan {
  readonly octets: number;
  /** Undefined where the log is empty, or its header damaged. */
  readonly salts: Buffer | undefined;
  /** Frames, from the first on, whose sums hold. */
  readonly validFrames: number;
  /** Those of them that end with a commit: what SQLite would take. */
  readonly committedFrames: number;
  /**
   * Frames of this log behind a damaged one, up to a commit that yet another frame follows. Each commit is synced before
   * the next frame is written, so that these were durable once.
   */
  readonly lostFrames: number;
  /** True where the position asked for was come to with the right sum. */
  readonly reachesPosition: boolean;
}

/** How long a log of so many frames is. */
export function logOctets(frames: number, pageOctets: number): number {
  return frames === 0 ? 0 : HEADER_OCTETS + frames * (FRAME_HEADER_OCTETS + pageOctets);
}

/** @param wanted a position that the log is expected to have reached */
export function scanLog(descriptor: number, octets: number, wanted?: LogPosition): LogScan {
  const header = Buffer.alloc(HEADER_OCTETS);
  const isWhole = octets >= HEADER_OCTETS && readSync(descriptor, header, 0, HEADER_OCTETS, 0) === HEADER_OCTETS;
  const opened = isWhole ? openHeader(header) : undefined;
  if (opened === undefined) {
    return {
      octets,
      salts: undefined,
      validFrames: 0,
      committedFrames: 0,
      lostFrames: 0,
      reachesPosition: wanted?.frames === 0,
    };
  }
  const frames = new Frames(opened, wanted);
  const frameOctets = FRAME_HEADER_OCTETS + opened.pageOctets;
  const count = Math.floor((octets - HEADER_OCTETS) / frameOctets);
  const chunk = Buffer.allocUnsafeSlow(CHUNK_FRAMES * frameOctets);
  for (let frame = 0; frame < count;) {
    const read = readSync(descriptor, chunk, 0, chunk.length, HEADER_OCTETS + frame * frameOctets);
    const whole = Math.min(count - frame, Math.floor(read / frameOctets));
    if (whole === 0) break;
    for (let at = 0; at < whole; at++) frames.take(chunk.subarray(at * frameOctets, (at + 1) * frameOctets));
    frame += whole;
  }
  return { octets, salts: opened.salts, ...frames.result() };
}

interface OpenedLog {
  readonly pageOctets: number;
  readonly salts: Buffer;
  readonly isBigEndian: boolean;
  readonly sum: Sum;
}

type Sum = readonly [number, number];

function openHeader(header: Buffer): OpenedLog | undefined {
  const magic = header.readUInt32BE(0);
  const isBigEndian = magic === MAGIC + 1;
  if ((magic !== MAGIC && !isBigEndian) || header.readUInt32BE(4) !== VERSION) return undefined;
  const sum = summed([0, 0], header.subarray(0, 24), isBigEndian);
  if (!isSum(header, 24, sum)) return undefined;
  const pageOctets = header.readUInt32BE(8);
  const isPage = pageOctets >= 512 && pageOctets <= 65536 && (pageOctets & (pageOctets - 1)) === 0;
  if (!isPage) return undefined;
  return { pageOctets, salts: Buffer.from(header.subarray(16, 24)), isBigEndian, sum };
}

/** What is learnt frame by frame. */
class Frames {
  readonly #log: OpenedLog;
  readonly #wanted: LogPosition | undefined;
  #sum: Sum;
  #seen = 0;
  #valid = 0;
  #committed = 0;
  /** The last commit behind the damage so far, and the last one that was followed by anything. */
  #laterCommit = 0;
  #followedCommit = 0;
  #reaches: boolean;

  constructor(log: OpenedLog, wanted: LogPosition | undefined) {
    this.#log = log;
    this.#sum = log.sum;
    const isOurs = wanted?.salts.equals(log.salts) === true;
    this.#wanted = isOurs ? wanted : undefined;
    this.#reaches = isOurs && wanted.frames === 0;
  }

  take(frame: Buffer): void {
    const isOfLog = frame.subarray(8, 16).equals(this.#log.salts);
    const isCommit = frame.readUInt32BE(4) !== 0;
    const isBroken = this.#valid < this.#seen;
    this.#seen += 1;
    if (!isBroken && isOfLog && frame.readUInt32BE(0) !== 0) {
      const { isBigEndian } = this.#log;
      const sum = summed(summed(this.#sum, frame.subarray(0, 8), isBigEndian), frame.subarray(24), isBigEndian);
      if (isSum(frame, 16, sum)) {
        this.#sum = sum;
        this.#valid = this.#seen;
        if (isCommit) this.#committed = this.#seen;
        if (this.#wanted?.frames === this.#seen) this.#reaches = isSum(this.#wanted.sum, 0, sum);
        return;
      }
    }
    if (!isOfLog) return;
    if (this.#laterCommit > 0) this.#followedCommit = this.#laterCommit;
    if (isCommit) this.#laterCommit = this.#seen;
  }

  result(): Pick<LogScan, 'validFrames' | 'committedFrames' | 'lostFrames' | 'reachesPosition'> {
    return {
      validFrames: this.#valid,
      committedFrames: this.#committed,
      lostFrames: Math.max(0, this.#followedCommit - this.#committed),
      reachesPosition: this.#reaches,
    };
  }
}

const isSum = (octets: Buffer, at: number, [first, second]: Sum): boolean =>
  octets.readInt32BE(at) === first && octets.readInt32BE(at + 4) === second;

/** The log's sum carried on over octets, whose length divides by eight. */
function summed([start0, start1]: Sum, octets: Buffer, isBigEndian: boolean): Sum {
  let first = start0;
  let second = start1;
  const isNative = isBigEndian === (endianness() === 'BE');
  if (isNative && octets.byteOffset % 4 === 0) {
    const words = new Int32Array(octets.buffer, octets.byteOffset, octets.length / 4);
    for (let at = 0; at < words.length; at += 2) {
      first = (first + (words[at] as number) + second) | 0;
      second = (second + (words[at + 1] as number) + first) | 0;
    }
    return [first, second];
  }
  const word = (at: number): number => (isBigEndian ? octets.readInt32BE(at) : octets.readInt32LE(at));
  for (let at = 0; at < octets.length; at += 8) {
    first = (first + word(at) + second) | 0;
    second = (second + word(at + 4) + first) | 0;
  }
  return [first, second];
}
