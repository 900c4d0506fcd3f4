import { orTemporary } from '../db/index.ts';
import type { ContentCipher } from '../encryption/index.ts';
import type { AttachmentId } from '../kernel/ids.ts';
import type { AttachmentRow } from './attachment-collection.ts';
import { frameCount, type FrameLayout } from './attachment-frames.ts';
import type { AttachmentCollections } from './keep-attachments.ts';
import { deleteUnlessNamed } from './delete-unless-named.ts';
import { writeAttachment } from './write-attachment.ts';

export interface RewriteOptions {
  /** Compress with this level of zstd (1 … 19) where that saves a twentieth at least; each content is tried once. */
  readonly level?: number;
  /** Seal nothing, and open what is sealed. */
  readonly isPlain?: boolean;
  readonly signal?: AbortSignal;
  /** A content that could not be read or written; the others go on. */
  readonly onFailure?: (id: AttachmentId, error: unknown) => void;
}

export interface RewriteReport {
  readonly seen: number;
  readonly rewritten: number;
  readonly failed: number;
  /** Stored octets before and after, of what was rewritten. */
  readonly octetsBefore: number;
  readonly octetsAfter: number;
}

const PAGE = 256;
/** Of the stored octets; with less to gain the row stays as it is. */
const LEAST_GAIN = 0.05;

/**
 * Goes through all rows. A content is written to a new file first, held against its hash as at its first upload, and
 * becomes the one only if the row still names the file that was read; a crash leaves a file that nobody names, which
 * the sweep removes. Who reads the old file meanwhile finds its chunks gone, and the row's new file then.
 */
export async function rewriteAttachments(
  collections: AttachmentCollections,
  cipher: ContentCipher | undefined,
  read: (row: AttachmentRow) => AsyncIterable<Buffer>,
  options: RewriteOptions,
): Promise<RewriteReport> {
  const seal = options.isPlain === true ? undefined : cipher;
  const report = { seen: 0, rewritten: 0, failed: 0, octetsBefore: 0, octetsAfter: 0 };
  let after: AttachmentId | undefined;
  for (;;) {
    const rows = await orTemporary(() => collections.rows.page(after, PAGE));
    for (const row of rows) {
      options.signal?.throwIfAborted();
      report.seen += 1;
      try {
        const written = await rewriteOne(collections, seal, read, row, options.level);
        if (written === undefined) continue;
        report.rewritten += 1;
        report.octetsBefore += storedOctets(row);
        report.octetsAfter += storedOctets(written);
      } catch (error) {
        report.failed += 1;
        options.onFailure?.(row.id, error);
      }
    }
    after = rows.at(-1)?.id;
    if (rows.length < PAGE) return report;
  }
}

async function rewriteOne(
  collections: AttachmentCollections,
  cipher: ContentCipher | undefined,
  read: (row: AttachmentRow) => AsyncIterable<Buffer>,
  row: AttachmentRow,
  level: number | undefined,
): Promise<FrameLayout | undefined> {
  const { rows, files } = collections;
  const isSealedRight = row.sealedWith === cipher?.currentKey;
  const isToCompress = level !== undefined && (row.level ?? 0) < level;
  if (isSealedRight && !isToCompress) return undefined;
  // What its type was is no longer known; whether compression pays, the first frame tells.
  const type = row.compression === 'zstd' || isToCompress ? 'application/octet-stream' : 'application/zstd';
  const source = { id: row.id, size: row.size, type, read: () => read(row) };
  const written = await writeAttachment(files, source, { cipher, level: level ?? row.level });
  const isBetter = !isSealedRight || storedOctets(written) < storedOctets(row) * (1 - LEAST_GAIN);
  if (!isBetter) {
    await files.delete(written.file);
    if (level !== undefined) await rows.markLevel(row.id, row.file, level);
    return undefined;
  }
  const isReplaced = await rows.replaceFile(row.id, row.file, written);
  if (!isReplaced && !(await deleteUnlessNamed(collections, row.id, written.file))) return undefined;
  if (level !== undefined) await rows.markLevel(row.id, written.file, level);
  await files.delete(row.file);
  return written;
}

/** Octets of the file. */
function storedOctets({ size, frames }: FrameLayout): number {
  if (frames.length === 0) return size;
  let octets = 0;
  for (let frame = 0; frame < frameCount(size); frame += 1) octets += frames.readUInt32BE(4 * frame);
  return octets;
}
