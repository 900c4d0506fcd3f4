export type * from './attachments.ts';
export { createAttachments, type AttachmentsOptions, type AttachmentsRoom } from './create-attachments.ts';
export { DamagedAttachment } from './read-attachment.ts';
export { compress, decompress } from './zstd.ts';
export type { AttachmentSweep, AttachmentSweepOptions, AttachmentSweepReport } from './sweep-attachments.ts';
