import { randomBytes } from 'node:crypto';
import type { Clock } from '../kernel/clock.ts';
import { crashPoint } from '../kernel/crash-point.ts';
import type { AttachmentRow, Condemnation } from './attachment-collection.ts';
import { fileIdTime } from './attachment-file-collection.ts';
import type { AttachmentRef } from './attachment-ref-collection.ts';
import type { AttachmentOwner } from './attachments.ts';
import type { AttachmentCollections } from './keep-attachments.ts';

export interface AttachmentSweepOptions {
  /** How long an attachment stays condemned before it may be deleted; an hour by default, 0 for the impatient. */
  readonly delayMs?: number;
  /**
   * How old a ref without a message, or a file without a row, must be: longer than any message takes from its first
   * octet stored to its document. An hour by default, whatever the delay.
   */
  readonly graceMs?: number;
  /** In the order of the owners: whether their message documents are there. */
  readonly exist: (owners: readonly AttachmentOwner[]) => Promise<readonly boolean[]>;
  readonly signal?: AbortSignal;
}

export interface AttachmentSweepReport {
  readonly refs: number;
  readonly condemned: number;
  readonly attachments: number;
  readonly files: number;
}

export interface AttachmentSweep {
  /** Goes through refs, attachments and files once, in batches. @throws errors of the driver, the signal's reason */
  run(options: AttachmentSweepOptions): Promise<AttachmentSweepReport>;
}

const BATCH = 256;
const CHUNK_BATCH = 2000;
const HOUR_MS = 60 * 60 * 1000;

export function createAttachmentSweep(collections: AttachmentCollections, clock: Clock): AttachmentSweep {
  return {
    run: async (options) => {
      const pass = new SweepPass(collections, clock, options);
      const refs = await pass.sweepRefs();
      const { condemned, attachments } = await pass.sweepRows();
      const files = (await pass.sweepFiles()) + (await pass.sweepChunks());
      return { refs, condemned, attachments, files };
    },
  };
}

class SweepPass {
  readonly #collections: AttachmentCollections;
  readonly #options: AttachmentSweepOptions;
  readonly #now: number;
  readonly #delayMs: number;
  readonly #graceMs: number;

  constructor(collections: AttachmentCollections, clock: Clock, options: AttachmentSweepOptions) {
    this.#collections = collections;
    this.#options = options;
    this.#now = clock.now();
    this.#delayMs = options.delayMs ?? HOUR_MS;
    this.#graceMs = options.graceMs ?? HOUR_MS;
  }

  /** Refs whose message never came to be, or went without them. */
  async sweepRefs(): Promise<number> {
    let removed = 0;
    let last: AttachmentRef | undefined;
    for (;;) {
      this.#options.signal?.throwIfAborted();
      const page = await this.#collections.refs.page(last, BATCH);
      last = page.at(-1);
      if (last === undefined) return removed;
      const old = page.filter((ref) => ref.at <= this.#now - this.#graceMs);
      const exist = old.length === 0 ? [] : await this.#options.exist(old.map((ref) => ref.owner));
      for (const [position, ref] of old.entries()) {
        if (exist[position] !== false) continue;
        await this.#collections.refs.remove(ref.owner, [ref.attachment], ref.token);
        crashPoint('sweep.stray-ref-removed');
        removed += 1;
      }
    }
  }

  async sweepRows(): Promise<{ readonly condemned: number; readonly attachments: number }> {
    let condemned = 0;
    let attachments = 0;
    let last: AttachmentRow | undefined;
    for (;;) {
      this.#options.signal?.throwIfAborted();
      const page = await this.#collections.rows.page(last?.id, BATCH);
      last = page.at(-1);
      if (last === undefined) return { condemned, attachments };
      for (const row of page) {
        if (await this.#collections.refs.exists(row.id)) {
          if (row.condemned !== undefined) await this.#collections.rows.lift([row.id]);
          continue;
        }
        const condemnation = row.condemned ?? (await this.#condemn(row));
        if (condemnation === undefined) continue;
        if (row.condemned === undefined) condemned += 1;
        if (await this.#deleteIfDue(row, condemnation)) attachments += 1;
      }
    }
  }

  async #condemn(row: AttachmentRow): Promise<Condemnation | undefined> {
    const condemnation = { at: this.#now, mark: randomBytes(8) };
    const isCondemned = await this.#collections.rows.condemn(row.id, condemnation);
    crashPoint('sweep.attachment-condemned');
    return isCondemned ? condemnation : undefined;
  }

  async #deleteIfDue(row: AttachmentRow, condemnation: Condemnation): Promise<boolean> {
    if (condemnation.at > this.#now - this.#delayMs) return false;
    // Looked at again after the condemnation: a ref from before it would not have seen it and would not lift it.
    if (await this.#collections.refs.exists(row.id)) {
      await this.#collections.rows.lift([row.id]);
      return false;
    }
    if (!(await this.#collections.rows.deleteCondemned(row.id, condemnation))) return false;
    crashPoint('sweep.attachment-deleted');
    await this.#collections.files.delete(row.file);
    crashPoint('sweep.file-deleted');
    return true;
  }

  /** Files that no row names: uploads that lost, or that were cut off. */
  async sweepFiles(): Promise<number> {
    let removed = 0;
    let last: Buffer | undefined;
    for (;;) {
      this.#options.signal?.throwIfAborted();
      const page = await this.#collections.files.pageOfFiles(last, BATCH);
      last = page.at(-1)?.file;
      if (last === undefined) return removed;
      const old = page.filter((entry) => this.#isOld(entry.file));
      const rows = await this.#collections.rows.find([...new Set(old.map((entry) => entry.attachment))]);
      const named = new Set(rows.map((row) => row.file.toString('hex')));
      for (const entry of old) {
        if (named.has(entry.file.toString('hex'))) continue;
        await this.#collections.files.delete(entry.file);
        crashPoint('sweep.stray-file-deleted');
        removed += 1;
      }
    }
  }

  /** Chunks without a file: uploads that were cut off, and deletions that were. */
  async sweepChunks(): Promise<number> {
    let removed = 0;
    let last: Buffer | undefined;
    for (;;) {
      this.#options.signal?.throwIfAborted();
      const page = await this.#collections.files.pageOfChunkFiles(last, CHUNK_BATCH);
      last = page.at(-1);
      if (last === undefined) return removed;
      const old = page.filter((file) => this.#isOld(file));
      const known = await this.#collections.files.withFile(old);
      for (const file of old) {
        if (known.has(file.toString('hex'))) continue;
        await this.#collections.files.delete(file);
        crashPoint('sweep.stray-chunks-deleted');
        removed += 1;
      }
    }
  }

  #isOld(file: Buffer): boolean {
    return fileIdTime(file) <= this.#now - this.#graceMs;
  }
}
