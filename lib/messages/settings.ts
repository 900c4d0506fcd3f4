import { defineSection, type SectionValues } from '../kernel/section.ts';

export const messagesSection = defineSection({
  name: 'messages',
  doc: 'How message data is read and kept.',
  settings: {
    attachmentOctets: {
      type: 'size',
      doc: 'Parts above this are kept as attachments, once in the whole store; below it a row of their own costs more than the copies.',
      default: 32 * 1024,
      min: 1024,
      max: 256 * 1024,
    },
    memoryOctets: {
      type: 'size',
      doc: 'Messages up to this stay in memory while they are being stored; larger ones go to a file in the spool folder.',
      default: 256 * 1024,
      min: 64 * 1024,
      max: 16 * 1024 * 1024,
    },
    cacheOctets: {
      type: 'size',
      doc: 'Message documents kept in memory for clients that come back for further parts.',
      default: 8 * 1024 * 1024,
      min: 0,
    },
    attachmentCacheOctets: {
      type: 'size',
      doc: 'Pieces of attachments kept in memory for clients that read a large part in small ranges.',
      default: 8 * 1024 * 1024,
      min: 0,
    },
  },
});

export type MessagesSettings = SectionValues<(typeof messagesSection)['settings']>;
