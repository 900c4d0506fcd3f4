import { defineSection, type SectionValues } from '../../kernel/section.ts';

export const lmtpSection = defineSection({
  name: 'lmtp',
  doc: 'Mail from the MTA (RFC 2033). Whoever can connect may deliver: keep it on loopback or a private network.',
  settings: {
    maxMessageSize: {
      type: 'size',
      default: 64 * 1024 * 1024,
      min: 64 * 1024,
      max: 1024 * 1024 * 1024,
      reloadable: true,
      doc: 'Announced as SIZE; a larger message is answered 552 5.3.4.',
    },
    maxRecipients: {
      type: 'integer',
      default: 1000,
      min: 100,
      max: 100_000,
      reloadable: true,
      doc: 'Recipients of one message; one more is answered 452 4.5.3 (RFC 5321 section 4.5.3.1.8 wants at least 100).',
    },
    maxConnections: {
      type: 'integer',
      default: 200,
      min: 1,
      max: 10_000,
      reloadable: true,
      doc: 'Connections of this process; one more is answered 421 4.3.2.',
    },
    maxMessages: {
      type: 'integer',
      default: 100,
      min: 1,
      max: 10_000,
      reloadable: true,
      doc: 'Messages that this process receives and delivers at once, each with up to messages.memory-octets in memory; DATA of one more is answered 452 4.3.2.',
    },
    idleTimeout: {
      type: 'duration',
      default: 300_000,
      min: 1000,
      max: 3_600_000,
      doc: 'Silence after which a connection is closed (RFC 5321 section 4.5.3.2.7: at least five minutes).',
    },
    dataTimeout: {
      type: 'duration',
      default: 1_800_000,
      min: 10_000,
      max: 86_400_000,
      reloadable: true,
      doc: 'How long the octets of one message may take to arrive, however steadily they trickle.',
    },
    maxBadCommands: {
      type: 'integer',
      default: 20,
      min: 1,
      max: 1000,
      reloadable: true,
      doc: 'Commands that are unknown or malformed before the connection is closed.',
    },
    offerTlsOnLoopback: {
      type: 'boolean',
      default: false,
      reloadable: true,
      doc: 'Offers STARTTLS to clients of this machine too; many would then refuse a certificate that signed itself.',
    },
    overQuotaIsTemporary: {
      type: 'boolean',
      default: false,
      reloadable: true,
      doc: 'Answers 452 4.2.2 instead of 552 5.2.2 where a mailbox is full, so that the MTA tries again.',
    },
  },
});

export type LmtpSettings = SectionValues<typeof lmtpSection.settings>;
