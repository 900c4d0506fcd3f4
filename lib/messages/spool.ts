import { randomBytes } from 'node:crypto';
import { mkdir, open, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { MailError } from '../kernel/errors.ts';

/** Octets read from a spool file at a time. */
const READ_OCTETS = 64 * 1024;
const FIRST_OCTETS = 8 * 1024;

export interface SpoolOptions {
  /** Created where it is missing. */
  readonly directory: string;
  /** Up to here a message stays in memory; beyond, this much is gathered between writes to the file. */
  readonly memoryOctets: number;
}

/** The octets of one message while it is being stored: in memory when they are few, else in a file. */
export class Spool {
  readonly #options: SpoolOptions;
  #memory = Buffer.alloc(0);
  #filled = 0;
  #file: FileHandle | undefined;
  /** Where the file could not be unlinked while open. */
  #path: string | undefined;
  #fileOctets = 0;
  #isDisposed = false;

  constructor(options: SpoolOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#fileOctets + this.#filled;
  }

  /** Copies the octets. @throws MailError `unavailable` where the disk does not take them */
  async write(octets: Buffer): Promise<void> {
    let taken = 0;
    while (taken < octets.length) {
      if (this.#filled === this.#options.memoryOctets) await this.#flush();
      this.#reserve(this.#filled + octets.length - taken);
      const copied = octets.copy(this.#memory, this.#filled, taken);
      taken += copied;
      this.#filled += copied;
    }
  }

  /** No more is written. */
  async finish(): Promise<void> {
    if (this.#file === undefined) return;
    await this.#flush();
    this.#memory = Buffer.alloc(0);
  }

  /** The octets [start, end); each buffer is valid until the next is asked for. */
  async *read(start: number, end: number): AsyncGenerator<Buffer, void, undefined> {
    if (this.#isDisposed) throw new Error('the spool was read after it was disposed of');
    if (this.#file === undefined) {
      if (start < end) yield this.#memory.subarray(start, Math.min(end, this.#filled));
      return;
    }
    const buffer = Buffer.allocUnsafe(Math.min(READ_OCTETS, Math.max(0, end - start)));
    let position = start;
    while (position < end) {
      const { bytesRead } = await this.#file.read(buffer, 0, Math.min(buffer.length, end - position), position);
      if (bytesRead === 0) throw new Error('the spool file is shorter than what was written to it');
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  async dispose(): Promise<void> {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#memory = Buffer.alloc(0);
    await this.#file?.close();
    if (this.#path !== undefined) await unlink(this.#path).catch(() => undefined);
  }

  #reserve(octets: number): void {
    if (octets <= this.#memory.length || this.#memory.length === this.#options.memoryOctets) return;
    const wanted = Math.max(octets, FIRST_OCTETS, this.#memory.length * 2);
    const memory = Buffer.allocUnsafeSlow(Math.min(wanted, this.#options.memoryOctets));
    this.#memory.copy(memory, 0, 0, this.#filled);
    this.#memory = memory;
  }

  async #flush(): Promise<void> {
    try {
      this.#file ??= await this.#openFile();
      let written = 0;
      while (written < this.#filled) {
        const { bytesWritten } = await this.#file.write(
          this.#memory,
          written,
          this.#filled - written,
          this.#fileOctets,
        );
        written += bytesWritten;
        this.#fileOctets += bytesWritten;
      }
      this.#filled = 0;
    } catch (error) {
      throw new MailError('unavailable', 'No room for this message at the moment, please try again', {
        cause: error,
        retryAfterMs: 60_000,
      });
    }
  }

  /** Unlinked at once, so that no crash leaves it behind. */
  async #openFile(): Promise<FileHandle> {
    await mkdir(this.#options.directory, { recursive: true, mode: 0o700 });
    const path = join(this.#options.directory, `${randomBytes(12).toString('hex')}.eml`);
    const file = await open(path, 'wx+', 0o600);
    await unlink(path).catch(() => {
      this.#path = path;
    });
    return file;
  }
}
