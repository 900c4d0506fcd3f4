import { createHash, randomBytes } from 'node:crypto';
import { AttachmentCollection, type AttachmentRow } from '../../lib/attachments/attachment-collection.ts';
import { AttachmentFileCollection } from '../../lib/attachments/attachment-file-collection.ts';
import { AttachmentRefCollection } from '../../lib/attachments/attachment-ref-collection.ts';
import type { AttachmentOwner, AttachmentSource } from '../../lib/attachments/index.ts';
import type { AttachmentCollections } from '../../lib/attachments/keep-attachments.ts';
import type { Database } from '../../lib/db/index.ts';
import { systemClock } from '../../lib/kernel/clock.ts';
import { newAccountId, type AttachmentId, type MessageId } from '../../lib/kernel/ids.ts';

export function newOwner(): AttachmentOwner {
  return { account: newAccountId(), messageId: randomBytes(16).toString('hex') as MessageId };
}

export function idOf(octets: Buffer): AttachmentId {
  return createHash('sha256').update(octets).digest('hex') as AttachmentId;
}

/** A source that counts how often it is read. */
export function sourceOf(octets: Buffer, type = 'application/octet-stream'): AttachmentSource & { reads: number } {
  const source = {
    id: idOf(octets),
    size: octets.length,
    type,
    reads: 0,
    async *read(): AsyncGenerator<Buffer> {
      source.reads += 1;
      for (let start = 0; start < octets.length; start += 50_000) yield octets.subarray(start, start + 50_000);
    },
  };
  return source;
}

/** As by a driver that tries again after a lost reply, where the server knows the first try no more. */
class RetriedRows extends AttachmentCollection {
  override async insert(row: AttachmentRow): Promise<boolean> {
    await super.insert(row);
    return super.insert(row);
  }

  override async insertMany(rows: readonly AttachmentRow[]): Promise<readonly AttachmentRow[]> {
    await super.insertMany(rows);
    return super.insertMany(rows);
  }

  override async replaceFile(...change: Parameters<AttachmentCollection['replaceFile']>): Promise<boolean> {
    await super.replaceFile(...change);
    return super.replaceFile(...change);
  }
}

/** Collections in which a write that makes a file the one is carried out twice, and meets itself. */
export function retryingCollections(database: Database): AttachmentCollections {
  return {
    rows: new RetriedRows(database),
    refs: new AttachmentRefCollection(database),
    files: new AttachmentFileCollection(database, systemClock),
  };
}
