import { randomBytes } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { AcknowledgedRecord } from './acknowledged.ts';
import { LogPositions } from './log-position.ts';
import { logOctets } from './log-scan.ts';
import { SqliteStore } from './sqlite-store.ts';
import { OWNER_KEY, type StoreSizes } from './store.ts';
import { verifyFiles } from './verify-files.ts';

/** Another process has taken the data over, or the file is no longer the one at its path: nothing may be written. */
export class LostOwnershipError extends Error {
  override readonly name = 'LostOwnershipError';
}

/**
 * The store of a data directory's one owner. It is opened only where all that was acknowledged is there, keeps the
 * record of what is, and writes only while its owner is still the last one that came.
 *
 * The lock on the directory keeps a second owner out. That it was removed by hand, or the directory replaced, while an
 * owner was paused shows here: each owner enters a mark of its own, and each transaction looks for it.
 */
export class OwnedStore extends SqliteStore {
  readonly #file: string;
  readonly #inode: number;
  readonly #mark = randomBytes(16);
  readonly #positions: LogPositions;
  readonly #record: AcknowledgedRecord;
  #isOwner = false;

  /**
   * @param file created where neither it nor a trace of it exists
   * @param mayLack true where whoever asks knows that something acknowledged is missing
   * @throws DamagedFilesError where something acknowledged is missing; the files are as they were then
   */
  constructor(file: string, mayLack = false) {
    if (!mayLack) verifyFiles(file);
    super(file);
    this.#file = file;
    this.#inode = statSync(file).ino;
    this.#positions = new LogPositions(file);
    // Only what is in the main file needs no record; and a log that begins empty holds no frames of an earlier life.
    const isMoved = this.checkpoint('RESTART');
    if (!isMoved) throw new Error(`${file} is in use by a program that is not the embedded engine`);
    this.#record = new AcknowledgedRecord(file);
    this.checkpoint('TRUNCATE');
    this.begin();
    this.put(OWNER_KEY, this.#mark);
    this.#isOwner = true;
    this.commit();
  }

  /** @throws LostOwnershipError; no transaction is open then */
  override begin(): void {
    super.begin();
    if (!this.#isOwner) return;
    try {
      this.checkOwner();
    } catch (error) {
      this.rollback();
      throw error;
    }
  }

  /** @throws LostOwnershipError */
  checkOwner(): void {
    if (this.get(OWNER_KEY)?.equals(this.#mark) !== true) {
      throw new LostOwnershipError(`another process has taken over ${this.#file}`);
    }
    if (statSync(this.#file, { throwIfNoEntry: false })?.ino !== this.#inode) {
      throw new LostOwnershipError(`${this.#file} has been removed or replaced`);
    }
  }

  override commit(): void {
    super.commit();
    this.#record.note(this.#positions.now());
  }

  override sizes(): StoreSizes {
    const sizes = super.sizes();
    return { ...sizes, logInUse: logOctets(this.#positions.now().frames, sizes.pageOctets) };
  }

  override close(): void {
    // What another owner keeps is not touched any more.
    const isOurs = this.#isStillOurs();
    if (isOurs && this.checkpoint('RESTART')) this.#record.reset();
    super.close();
    // The last connection that goes removes a log that it has moved into the file.
    if (isOurs && !existsSync(`${this.#file}-wal`)) this.#record.reset();
    this.#record.close();
    this.#positions.close();
  }

  #isStillOurs(): boolean {
    try {
      this.checkOwner();
      return true;
    } catch {
      return false;
    }
  }
}
