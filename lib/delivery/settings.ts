import { defineSection, type SectionValues } from '../kernel/section.ts';

export const deliverySection = defineSection({
  name: 'delivery',
  doc: 'How arriving messages are brought to their recipients.',
  settings: {
    concurrency: {
      type: 'integer',
      default: 16,
      min: 1,
      max: 256,
      doc: 'Recipients of one message that are written at the same time; more only lengthens the queue of the database.',
    },
    commitTimeout: {
      type: 'duration',
      default: 30_000,
      min: 1000,
      max: 600_000,
      doc: 'How long the commit of one recipient may take; clients wait at least ten minutes (RFC 5321 section 4.5.3.2.6).',
    },
  },
});

export type DeliverySettings = SectionValues<typeof deliverySection.settings>;
