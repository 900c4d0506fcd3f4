import { closeSync, openSync, readSync } from 'node:fs';
import { endianness } from 'node:os';
import type { LogPosition } from './log-scan.ts';

/** The two copies of the header of SQLite's index of its log (sqlite.org/walformat.html, section 2.1). */
const COPY_OCTETS = 48;
const VERSION = 3007000;

const isBigEndian = endianness() === 'BE';

/**
 * Tells where the log stands, from the index that SQLite shares between the connections of a file. One read of a page
 * that is always in memory.
 */
export class LogPositions {
  readonly #descriptor: number;
  readonly #octets = Buffer.alloc(2 * COPY_OCTETS);

  /** To be made while a connection to the file is open; the index is made anew by the first connection. */
  constructor(file: string) {
    this.#descriptor = openSync(`${file}-shm`, 'r');
  }

  /**
   * To be called by the only writer, between its transactions.
   * @throws Error where the index is not laid out as expected
   */
  now(): LogPosition {
    const octets = this.#octets;
    const read = readSync(this.#descriptor, octets, 0, octets.length, 0);
    const word = (at: number): number => (isBigEndian ? octets.readUInt32BE(at) : octets.readUInt32LE(at));
    const isKnown = read === octets.length && word(0) === VERSION;
    const isSettled = octets.subarray(0, COPY_OCTETS).equals(octets.subarray(COPY_OCTETS));
    if (!isKnown || !isSettled) throw new Error('the index of the write-ahead log cannot be read');
    const sum = Buffer.alloc(8);
    sum.writeUInt32BE(word(24), 0);
    sum.writeUInt32BE(word(28), 4);
    return { salts: Buffer.from(octets.subarray(32, 40)), frames: word(16), sum };
  }

  /**
   * To be called when no connection of this process is open any more: closing a file lets go of the locks that the
   * process holds on it (fcntl(2)), which are SQLite's.
   */
  close(): void {
    closeSync(this.#descriptor);
  }
}
