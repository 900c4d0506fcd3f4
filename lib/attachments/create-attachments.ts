import { toTemporary, type Database } from '../db/index.ts';
import type { ContentCipher } from '../encryption/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { MailError } from '../kernel/errors.ts';
import type { AttachmentId } from '../kernel/ids.ts';
import { LruCache } from '../kernel/lru-cache.ts';
import { AttachmentCollection, type AttachmentRow } from './attachment-collection.ts';
import { AttachmentFileCollection } from './attachment-file-collection.ts';
import { AttachmentRefCollection } from './attachment-ref-collection.ts';
import type {
  AttachmentOwner,
  AttachmentSource,
  Attachments,
  KeptAttachments,
  StoredAttachment,
} from './attachments.ts';
import { AttachmentKeeper, type AttachmentCollections } from './keep-attachments.ts';
import { DamagedAttachment, readRow, toReadError, type AttachmentReading, type FrameCache } from './read-attachment.ts';
import { rewriteAttachments, type RewriteOptions, type RewriteReport } from './rewrite-attachments.ts';
import { createAttachmentSweep, type AttachmentSweep } from './sweep-attachments.ts';

export interface AttachmentsOptions {
  readonly database: Database;
  readonly clock: Clock;
  /** Octets of frames kept for clients that read a large part in small pieces; 8 MiB by default. */
  readonly cacheOctets?: number;
  /** Seals what is written, and opens what was sealed. Without it what was sealed cannot be read. */
  readonly cipher?: ContentCipher | undefined;
}

const CACHE_OCTETS = 8 * 1024 * 1024;
const CACHE_LIFETIME_MS = 10 * 60 * 1000;
const CACHED_ROWS = 1000;

/** Attachments with their sweep, which is no business of those who keep and read them. */
export interface AttachmentsRoom extends Attachments {
  readonly sweep: AttachmentSweep;
  /**
   * Writes contents anew that are not stored as they should be: not sealed with the current key, or sealed though
   * nothing seals any more, or compressed less than is asked for. Readers and writers go on meanwhile.
   */
  rewrite(options: RewriteOptions): Promise<RewriteReport>;
}

export function createAttachments(options: AttachmentsOptions): AttachmentsRoom {
  const collections = {
    rows: new AttachmentCollection(options.database),
    refs: new AttachmentRefCollection(options.database),
    files: new AttachmentFileCollection(options.database, options.clock),
  };
  return new StoredAttachments(collections, options);
}

class StoredAttachments implements AttachmentsRoom {
  readonly sweep: AttachmentSweep;
  readonly #collections: AttachmentCollections;
  readonly #cipher: ContentCipher | undefined;
  readonly #keeper: AttachmentKeeper;
  readonly #rows: LruCache<AttachmentId, AttachmentRow>;
  readonly #frames: FrameCache;

  constructor(collections: AttachmentCollections, options: AttachmentsOptions) {
    const { clock } = options;
    this.#collections = collections;
    this.#cipher = options.cipher;
    this.#keeper = new AttachmentKeeper(collections, clock, this.#cipher);
    this.#rows = new LruCache({ clock, maxWeight: CACHED_ROWS, lifetimeMs: CACHE_LIFETIME_MS });
    this.#frames = new LruCache({
      clock,
      maxWeight: options.cacheOctets ?? CACHE_OCTETS,
      lifetimeMs: CACHE_LIFETIME_MS,
    });
    this.sweep = createAttachmentSweep(collections, clock);
  }

  keep(owner: AttachmentOwner, token: Buffer, sources: readonly AttachmentSource[]): Promise<void> {
    return temporary(this.#keeper.keep(owner, token, sources));
  }

  keepTogether(kept: readonly KeptAttachments[]): Promise<void> {
    return temporary(this.#keeper.keepTogether(kept));
  }

  share(owner: AttachmentOwner, token: Buffer, ids: readonly AttachmentId[]): Promise<void> {
    return temporary(this.#keeper.share(owner, token, ids));
  }

  async release(owner: AttachmentOwner, token: Buffer, ids: readonly AttachmentId[]): Promise<void> {
    if (ids.length > 0) await temporary(this.#collections.refs.remove(owner, ids, token));
  }

  async hasRefs(owner: AttachmentOwner, ids: readonly AttachmentId[]): Promise<readonly boolean[]> {
    const refs = await temporary(this.#collections.refs.find(owner, ids));
    const found = new Set(refs.map((ref) => ref.attachment));
    return ids.map((id) => found.has(id));
  }

  async open(id: AttachmentId): Promise<StoredAttachment> {
    const row = this.#rows.get(id) ?? (await temporary(this.#freshRow(id)));
    return { id, size: row.size, read: (start, end) => this.#read(row, Math.max(0, start), Math.min(row.size, end)) };
  }

  rewrite(options: RewriteOptions): Promise<RewriteReport> {
    const read = (row: AttachmentRow): AsyncIterable<Buffer> => readRow(this.#reading(), row, 0, row.size);
    return rewriteAttachments(this.#collections, this.#cipher, read, options);
  }

  #reading(): AttachmentReading {
    return { files: this.#collections.files, cache: this.#frames, cipher: this.#cipher };
  }

  async #freshRow(id: AttachmentId): Promise<AttachmentRow> {
    const [row] = await this.#collections.rows.find([id]);
    if (row === undefined) throw new MailError('attachment-not-found', 'There is no such attachment');
    this.#rows.set(id, row);
    return row;
  }

  async *#read(row: AttachmentRow, start: number, end: number): AsyncGenerator<Buffer, void, undefined> {
    let position = start;
    let current = row;
    for (;;) {
      try {
        for await (const octets of readRow(this.#reading(), current, position, end)) {
          position += octets.length;
          yield octets;
        }
        return;
      } catch (error) {
        if (!(error instanceof DamagedAttachment)) throw toReadError(error);
        // The content may have been swept and uploaded again, to another file, since its row was read.
        this.#rows.delete(current.id);
        const fresh = await temporary(this.#freshRow(current.id));
        if (fresh.file.equals(current.file)) throw toReadError(error);
        current = fresh;
      }
    }
  }
}

async function temporary<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw toTemporary(error);
  }
}
