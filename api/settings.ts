import { defineSection } from '../lib/kernel/section.ts';

const MIB = 1024 * 1024;

export const apiSection = defineSection({
  name: 'api',
  doc: 'The HTTP API.',
  settings: {
    host: {
      type: 'text',
      default: '127.0.0.1',
      doc: 'Address to listen on; this machine alone, until tokens and TLS are thought of.',
    },
    port: { type: 'integer', default: 8080, min: 0, max: 65535, doc: 'Port to listen on; 0 takes a free one.' },
    secure: {
      type: 'boolean',
      default: false,
      doc: 'Serve HTTPS with the certificate of the server; off, for a proxy on the same machine is common.',
    },
    tokenInQuery: {
      type: 'boolean',
      default: false,
      doc: 'Accept tokens as ?accessToken=. Off, for addresses end up in logs, histories and Referer headers.',
    },
    maxMessage: {
      type: 'size',
      default: 64 * MIB,
      min: MIB,
      max: 1024 * MIB,
      doc: 'The largest message that may be uploaded; the same as IMAP and LMTP take.',
    },
    maxRequests: {
      type: 'integer',
      default: 500,
      min: 1,
      max: 100_000,
      doc: 'Requests that this process answers at once; one more is answered 503 with Retry-After. /health is always answered.',
    },
    maxUserRequests: {
      type: 'integer',
      default: 50,
      min: 1,
      max: 100_000,
      doc: 'Requests among them that are made with the token of one user; one more is answered the same way.',
    },
    maxBody: {
      type: 'size',
      default: 2 * MIB + 256 * 1024,
      min: 64 * 1024,
      max: 64 * MIB,
      doc: 'The largest body of other requests: two data objects of 1 MiB and the rest.',
    },
  },
});
