import { defineSection, type SectionValues } from '../lib/kernel/section.ts';

export const serverSection = defineSection({
  name: 'server',
  doc: 'The process as a whole.',
  settings: {
    roles: {
      type: 'text-list',
      default: ['imap', 'pop3', 'lmtp', 'api', 'worker'],
      doc: 'What this process does; several processes, on one machine or many, may share the work. A worker does what goes on in the background.',
    },
    dataDir: {
      type: 'text',
      default: 'data',
      doc: 'Folder for the embedded engine, certificates, secrets and spool files, open to nobody else (mode 0700). Relative to where Eider is started; a service should name it absolutely.',
    },
    hostname: {
      type: 'text',
      default: '',
      doc: 'Name of this host in greetings and trace fields. Empty: what the system says.',
    },
    logLevel: {
      type: 'text',
      default: 'info',
      oneOf: ['debug', 'info', 'warn', 'error'],
      reloadable: true,
      doc: 'Least severity that is logged, as JSON lines on standard error.',
    },
    drainTimeout: {
      type: 'duration',
      default: 9000,
      min: 0,
      max: 600_000,
      doc: 'How long SIGTERM lets commands and deliveries finish; under the 10 seconds that container engines wait before they kill.',
    },
    drainDelay: {
      type: 'duration',
      default: 0,
      min: 0,
      max: 300_000,
      doc: 'How long after SIGTERM new connections are still taken while /health answers 503, so that a load balancer turns away first; counts as part of the drain-timeout.',
    },
  },
});

export const databaseSection = defineSection({
  name: 'database',
  doc: 'Where everything is kept.',
  settings: {
    uri: {
      type: 'text',
      default: '',
      secret: true,
      doc: 'MongoDB connection string. Empty: the embedded engine in the data directory, which serves one machine and needs no setting up.',
    },
    name: { type: 'text', default: 'eider', doc: 'Database in MongoDB.' },
    poolSize: {
      type: 'integer',
      default: 8,
      min: 1,
      max: 1000,
      doc: 'Connections to each server of the database. One costs half as much again in processor time once several commands are under way.',
    },
  },
});

const listener = (port: number, what: string) =>
  ({ type: 'text', default: `127.0.0.1:${String(port)}`, doc: `${what} Empty: not served.` }) as const;

export const listenSection = defineSection({
  name: 'listen',
  doc: 'Where mail clients and the MTA connect: HOST:PORT, [::]:PORT for all addresses. By default only this machine can; the ports are the usual ones moved past 1023, so that no privilege is needed. The HTTP API has its own section.',
  settings: {
    imap: listener(9143, 'IMAP with STARTTLS.'),
    imaps: listener(9993, 'IMAP over TLS.'),
    pop3: listener(9110, 'POP3 with STLS.'),
    pop3s: listener(9995, 'POP3 over TLS.'),
    lmtp: listener(2424, 'Deliveries by LMTP. Whoever can connect may deliver.'),
    health: {
      type: 'text',
      default: '',
      doc: 'HTTP for load balancers, without a token: GET /health is 200 while this process takes work and 503 while it drains. Empty: not served.',
    },
  },
});

export type ListenSettings = SectionValues<typeof listenSection.settings>;
