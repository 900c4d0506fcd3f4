import { createHash, randomBytes } from 'node:crypto';
import type { AttachmentOwner, AttachmentSource } from '../../lib/attachments/index.ts';
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
