import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { DamagedRecordError, readAcknowledged } from './acknowledged.ts';
import { scanLog, type LogPosition, type LogScan } from './log-scan.ts';

/** What was acknowledged is not all there. Opening the file would hide that, so nobody does before being told to. */
export class DamagedFilesError extends Error {
  override readonly name = 'DamagedFilesError';
}

/** What lies on the disk before SQLite opens it. */
export interface FoundFiles {
  /** Octets of the main file, undefined where there is none. */
  readonly mainOctets: number | undefined;
  /** What the main file says of its own length, undefined where it says nothing. */
  readonly mainClaims: number | undefined;
  readonly log: LogScan | undefined;
  /** Undefined where nobody has kept a record yet. */
  readonly acknowledged: LogPosition | undefined;
}

/**
 * Holds what lies on the disk against what was acknowledged. To be called by the owner, while no connection is open.
 * @throws DamagedFilesError
 */
export function verifyFiles(file: string): void {
  let acknowledged: LogPosition | undefined;
  try {
    acknowledged = readAcknowledged(file);
  } catch (error) {
    if (error instanceof DamagedRecordError) throw new DamagedFilesError(error.message);
    throw error;
  }
  const damage = judgeFiles({ ...mainFile(file), log: scanLogOf(file, acknowledged), acknowledged });
  if (damage !== undefined) throw new DamagedFilesError(`${file}: ${damage}`);
}

/**
 * @returns the damage in words, undefined where nothing speaks for any. A log that ends in the middle of what was never
 *   acknowledged is none: that is how a process dies.
 */
export function judgeFiles(found: FoundFiles): string | undefined {
  const { mainOctets, mainClaims, log, acknowledged } = found;
  const isLogThere = log !== undefined && log.octets > 0;
  if ((mainOctets ?? 0) === 0) {
    return acknowledged === undefined && !isLogThere ? undefined : 'the file is missing or empty, and its log is there';
  }
  const isLogInUse = isLogThere && log.committedFrames > 0;
  if (!isLogInUse && mainClaims !== undefined && mainClaims > (mainOctets ?? 0)) {
    return `the file is cut short: it holds ${mainOctets} of ${mainClaims} octets`;
  }
  return judgeLog(isLogThere ? log : undefined, acknowledged);
}

function judgeLog(log: LogScan | undefined, acknowledged: LogPosition | undefined): string | undefined {
  const isOwed = acknowledged !== undefined && acknowledged.frames > 0;
  if (log === undefined) {
    return isOwed ? `the write-ahead log is missing; ${acknowledged.frames} frames of it were acknowledged` : undefined;
  }
  if (log.salts === undefined) {
    // The header is synced before the first frame is written, so that a log of more than a header has a whole one.
    return isOwed || log.octets > HEADER_ALONE ? 'the header of the write-ahead log is damaged' : undefined;
  }
  if (isOwed && !isLater(log.salts, acknowledged.salts)) {
    if (!log.salts.equals(acknowledged.salts)) return 'the write-ahead log is another than the one acknowledged';
    if (!log.reachesPosition) {
      return (
        `the write-ahead log is damaged behind frame ${log.committedFrames}; ` +
        `${acknowledged.frames} frames were acknowledged`
      );
    }
  }
  if (log.lostFrames === 0) return undefined;
  return `the write-ahead log is damaged behind frame ${log.committedFrames}; ${log.lostFrames} later frames are lost`;
}

const HEADER_ALONE = 32;

/**
 * SQLite begins its log anew when all of it is in the main file, and then counts the first salt up by one: a log that
 * is later than the acknowledged one owes nothing to it.
 */
function isLater(salts: Buffer, than: Buffer): boolean {
  const ahead = (salts.readUInt32BE(0) - than.readUInt32BE(0)) >>> 0;
  return ahead > 0 && ahead < 1_000_000;
}

function mainFile(file: string): Pick<FoundFiles, 'mainOctets' | 'mainClaims'> {
  const mainOctets = statSync(file, { throwIfNoEntry: false })?.size;
  if (mainOctets === undefined || mainOctets < 100) return { mainOctets, mainClaims: undefined };
  const header = readStart(file, 100);
  const pageOctets = header.readUInt16BE(16);
  return { mainOctets, mainClaims: (pageOctets === 1 ? 65536 : pageOctets) * header.readUInt32BE(28) };
}

function scanLogOf(file: string, wanted: LogPosition | undefined): LogScan | undefined {
  const path = `${file}-wal`;
  const octets = statSync(path, { throwIfNoEntry: false })?.size;
  if (octets === undefined) return undefined;
  return withFile(path, (descriptor) => scanLog(descriptor, octets, wanted));
}

function readStart(path: string, octets: number): Buffer {
  const start = Buffer.alloc(octets);
  withFile(path, (descriptor) => readSync(descriptor, start, 0, octets, 0));
  return start;
}

function withFile<T>(path: string, read: (descriptor: number) => T): T {
  const descriptor = openSync(path, 'r');
  try {
    return read(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
