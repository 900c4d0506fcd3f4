export type * from './attachments.ts';
export { createAttachments, type AttachmentsRoom } from './create-attachments.ts';
export { DamagedAttachment } from './read-attachment.ts';
export type { AttachmentSweepReport } from './sweep-attachments.ts';
export { compress, decompress } from './zstd.ts';
export { attachmentCollections } from './collections.ts';
