import { defineSection, type SectionValues } from '../../kernel/section.ts';

const MIB = 1024 * 1024;

export const imapSection = defineSection({
  name: 'imap',
  doc: 'IMAP for mail programs.',
  settings: {
    allowPlaintextOnLoopback: {
      type: 'boolean',
      default: true,
      reloadable: true,
      doc: 'Lets clients of this machine log in without TLS; nobody else ever may.',
    },
    maxMessageSize: {
      type: 'size',
      default: 64 * MIB,
      min: 64 * 1024,
      max: 1024 * MIB,
      doc: 'What APPEND takes, announced as APPENDLIMIT; the same as LMTP and the API take.',
    },
    maxConnectionsPerUser: {
      type: 'integer',
      default: 20,
      min: 1,
      max: 10_000,
      reloadable: true,
      doc: 'Sessions of one user, on all nodes where they share a Redis, else in this process; mail programs keep one a mailbox that they watch.',
    },
    maxUnauthenticatedPerAddress: {
      type: 'integer',
      default: 10,
      min: 1,
      max: 100_000,
      reloadable: true,
      doc: 'Connections from one address that have not logged in.',
    },
    maxUnauthenticated: {
      type: 'integer',
      default: 1000,
      min: 1,
      max: 100_000,
      reloadable: true,
      doc: 'Connections from anywhere that have not logged in.',
    },
    loginTimeout: {
      type: 'duration',
      default: 30_000,
      min: 1000,
      max: 600_000,
      reloadable: true,
      doc: 'How long a client may take to log in, TLS handshake included.',
    },
    idleTimeout: {
      type: 'duration',
      default: 1_800_000,
      min: 1_800_000,
      max: 86_400_000,
      reloadable: true,
      doc: 'Silence after which a connection is closed; RFC 3501 section 5.4 asks for 30 minutes at least.',
    },
    searchTimeout: {
      type: 'duration',
      default: 10_000,
      min: 100,
      max: 600_000,
      reloadable: true,
      doc: 'How long one SEARCH may take before it is refused with NO [LIMIT].',
    },
  },
});

export type ImapSettings = SectionValues<typeof imapSection.settings>;
