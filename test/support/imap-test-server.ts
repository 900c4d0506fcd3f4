import { createSecureContext } from 'node:tls';
import { createImapServer, type ImapLimits, type ImapLogger, type ImapServer } from '../../imap-core/index.ts';
import { createSelfSignedCertificate } from '../../lib/certificates/self-signed-certificate.ts';
import { type MemoryAccount, MemoryBackend } from './imap-memory-session/index.ts';

/** A server of imap-core over memory, on a free loopback port. */
export interface ImapTestServer {
  readonly server: ImapServer;
  readonly port: number;
  readonly backend: MemoryBackend;
  /** alice with the password secret. */
  readonly alice: MemoryAccount;
  /** What was logged at warn and above. */
  readonly complaints: readonly string[];
  close(): Promise<void>;
}

export interface ImapTestServerOptions {
  readonly limits?: Partial<ImapLimits>;
  readonly isImplicitTls?: boolean;
  readonly allowsPlaintextLogin?: boolean;
}

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 0, 1);
const { certificate, privateKey } = createSelfSignedCertificate({
  names: ['localhost'],
  notBefore: NOW - DAY_MS,
  notAfter: NOW + 20_000 * DAY_MS,
});

export async function startImapTestServer(options: ImapTestServerOptions = {}): Promise<ImapTestServer> {
  const backend = new MemoryBackend();
  const alice = backend.addAccount('alice', 'secret');
  backend.addAccount('bob', 'hunter2');
  const complaints: string[] = [];
  const complain: ImapLogger['warn'] = (fields, message) => {
    complaints.push(
      `${message} ${JSON.stringify(fields, (_, value: unknown) => (value instanceof Error ? value.stack : value))}`,
    );
  };
  const silent: ImapLogger['debug'] = () => undefined;
  const server = createImapServer({
    backend,
    logger: { debug: silent, info: silent, warn: complain, error: complain },
    serverId: new Map([['name', 'test']]),
    secureContext: () => createSecureContext({ key: privateKey, cert: certificate, minVersion: 'TLSv1.2' }),
    allowsPlaintextLogin: () => options.allowsPlaintextLogin ?? true,
    limits: options.limits ?? {},
  });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0, isImplicitTls: options.isImplicitTls ?? false });
  return { server, port, backend, alice, complaints, close: async () => await server.close(1000) };
}
