import {
  closeSync,
  existsSync,
  fdatasync,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import type { LogPosition } from './log-scan.ts';

/** Layout: magic, version, salts, frames, sum, checksum of what stands before it. It never crosses a sector. */
const MAGIC = Buffer.from('EIDERACK');
const VERSION = 1;
const RECORD_OCTETS = 36;
/** The record is brought to the disk itself this long after a commit at the latest, in milliseconds. */
const SYNC_AFTER_MS = 1000;

/** What stands where all that was ever acknowledged is in the main file: any log may lie beside it, or none. */
const NOTHING_IN_LOG: LogPosition = { salts: Buffer.alloc(8), frames: 0, sum: Buffer.alloc(8) };

/** The record of acknowledged commits cannot be read. */
export class DamagedRecordError extends Error {
  override readonly name = 'DamagedRecordError';
}

export function recordPath(file: string): string {
  return `${file}-acknowledged`;
}

/**
 * @returns how far the log beside the file had been acknowledged, undefined where nobody has kept a record yet
 * @throws DamagedRecordError
 */
export function readAcknowledged(file: string): LogPosition | undefined {
  if (!existsSync(recordPath(file))) return undefined;
  const octets = readFileSync(recordPath(file));
  const isWhole = octets.length === RECORD_OCTETS && octets.subarray(0, 8).equals(MAGIC);
  if (!isWhole || octets.readUInt32BE(RECORD_OCTETS - 4) !== crc32(octets.subarray(0, RECORD_OCTETS - 4))) {
    throw new DamagedRecordError(`${recordPath(file)} is damaged`);
  }
  if (octets.readUInt32BE(8) !== VERSION) throw new DamagedRecordError(`${recordPath(file)} is of another version`);
  return { salts: octets.subarray(12, 20), frames: octets.readUInt32BE(20), sum: octets.subarray(24, 32) };
}

/**
 * A few octets beside the file that say how far its log has been acknowledged to anybody. SQLite takes a log up to its
 * first damaged frame, and is content with a log that is short or gone; the next owner of the file holds what it finds
 * against this record first.
 *
 * The record is written after each commit and not synced with it: it outlives the process at once, and a loss of power
 * but for the last second. An older record promises less, never something untrue.
 */
export class AcknowledgedRecord {
  readonly #descriptor: number;
  readonly #octets = Buffer.alloc(RECORD_OCTETS);
  #written: LogPosition = NOTHING_IN_LOG;
  #timer: NodeJS.Timeout | undefined;
  #isSyncing = false;
  #isClosed = false;

  /** Creates the record, or takes it over: all that it said must be in the main file. */
  constructor(file: string) {
    this.#octets.set(MAGIC);
    this.#octets.writeUInt32BE(VERSION, 8);
    // Not emptied before it is written: a record without octets would be a damaged one.
    this.#descriptor = openSync(recordPath(file), existsSync(recordPath(file)) ? 'r+' : 'wx', 0o600);
    this.reset();
    syncDirectory(dirname(file));
  }

  /** Notes that everything up to here is durable. @throws Error of the file system */
  note(position: LogPosition): void {
    if (position.frames === this.#written.frames && position.salts.equals(this.#written.salts)) return;
    this.#write(position);
    this.#timer ??= setTimeout(() => this.#sync(), SYNC_AFTER_MS).unref();
  }

  /** Notes that the main file holds everything, which must be so, for good before it returns. */
  reset(): void {
    this.#write(NOTHING_IN_LOG);
    // A damaged one that is taken over may have been longer.
    ftruncateSync(this.#descriptor, RECORD_OCTETS);
    fdatasyncSync(this.#descriptor);
  }

  #write(position: LogPosition): void {
    const octets = this.#octets;
    octets.set(position.salts, 12);
    octets.writeUInt32BE(position.frames, 20);
    octets.set(position.sum, 24);
    octets.writeUInt32BE(crc32(octets.subarray(0, RECORD_OCTETS - 4)), RECORD_OCTETS - 4);
    writeSync(this.#descriptor, octets, 0, RECORD_OCTETS, 0);
    this.#written = position;
  }

  #sync(): void {
    this.#isSyncing = true;
    // A failure takes nothing from what was acknowledged: the log itself is synced.
    fdatasync(this.#descriptor, () => {
      this.#isSyncing = false;
      this.#timer = undefined;
      if (this.#isClosed) closeSync(this.#descriptor);
    });
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    if (!this.#isSyncing) closeSync(this.#descriptor);
  }
}

function syncDirectory(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
