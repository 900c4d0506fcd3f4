import { defineSection, type SectionValues } from '../../kernel/section.ts';

export const pop3Section = defineSection({
  name: 'pop3',
  doc: 'POP3 (RFC 1939) for clients that fetch mail away.',
  settings: {
    allowPlaintextOnLoopback: {
      type: 'boolean',
      default: true,
      reloadable: true,
      doc: 'Lets clients of this machine log in without TLS; nobody else ever may.',
    },
    maxLine: {
      type: 'size',
      default: 512,
      min: 255,
      max: 65_536,
      doc: 'Octets of a command line; RFC 2449 section 4 asks for 255, a long password in PASS wants more.',
    },
    maxSaslResponse: {
      type: 'size',
      default: 12_288,
      min: 512,
      max: 65_536,
      doc: 'Octets of a line that answers a SASL challenge (RFC 5034 section 4 sets them apart from commands).',
    },
    maxBadCommandsBeforeLogin: {
      type: 'integer',
      default: 5,
      min: 1,
      max: 1000,
      reloadable: true,
      doc: 'Unknown, malformed or misplaced commands and failed log-ins before the connection is closed.',
    },
    maxBadCommands: {
      type: 'integer',
      default: 20,
      min: 1,
      max: 1000,
      reloadable: true,
      doc: 'The same after log-in.',
    },
    loginTimeout: {
      type: 'duration',
      default: 30_000,
      min: 1000,
      max: 600_000,
      doc: 'How long a client may take to log in, TLS handshake included.',
    },
    idleTimeout: {
      type: 'duration',
      default: 600_000,
      min: 1000,
      max: 3_600_000,
      doc: 'Silence after which a session ends and deletes nothing (RFC 1939 section 3: at least ten minutes).',
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
    maxConnectionsPerUser: {
      type: 'integer',
      default: 20,
      min: 1,
      max: 10_000,
      reloadable: true,
      doc: 'Sessions of one user, on all nodes where they share a Redis, else in this process.',
    },
  },
});

export type Pop3Settings = SectionValues<typeof pop3Section.settings>;
