import type { Certificates } from '../lib/certificates/index.ts';
import type { Configuration } from '../lib/config/index.ts';
import { createDelivery, deliverySection } from '../lib/delivery/index.ts';
import { createLmtpServer, lmtpSection } from '../lib/frontends/lmtp/index.ts';
import type { Clock } from '../lib/kernel/clock.ts';
import type { Lifecycle, Service } from '../lib/kernel/lifecycle.ts';
import type { Logger } from '../lib/kernel/logger.ts';
import type { AdminTokens } from './admin-token.ts';
import { CommandError } from './command-error.ts';
import type { Store } from './compose.ts';
import { formatListenAddress, parseListenAddress, type ListenAddress } from './listen-address.ts';
import type { ReadyReport } from './ready-file.ts';
import { listenSection } from './settings.ts';

export interface FrontEndParts {
  readonly store: Store;
  readonly configuration: Configuration;
  readonly hostname: string;
  readonly certificates: Certificates;
  readonly adminTokens: AdminTokens;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly lifecycle: Lifecycle;
  /** Free loopback ports for all. */
  readonly freePorts: boolean;
}

/** What each front end's server can do. */
interface Listener {
  listen(at: ListenAddress): Promise<{ readonly port: number }>;
  close(deadlineMs: number): Promise<void>;
}

/** Starts what is configured to be served. @returns where each listens */
export async function startFrontEnds(parts: FrontEndParts): Promise<Omit<ReadyReport, 'pid' | 'adminToken'>> {
  const listen = parts.configuration.get(listenSection);
  const services: Service[] = [];
  /** Binds before the next starts, so that a port that is taken is told at once. */
  const open = async (name: keyof typeof listen, create: () => Listener): Promise<Partial<ReadyReport>> => {
    const wanted = wantedAddress(listen[name], parts.freePorts);
    if (wanted === undefined) return {};
    const server = create();
    services.push({ name, stop: (deadline) => server.close(deadline.leftMs()) });
    return { [name]: { host: wanted.host, port: await bind(server, name, wanted) } };
  };
  try {
    return {
      ...(await open('lmtp', () => lmtpServer(parts))),
    };
  } finally {
    // Together, for they stop together; those started before a failure too.
    parts.lifecycle.add(...services);
  }
}

function wantedAddress(text: string, freePorts: boolean): ListenAddress | undefined {
  if (text === '') return undefined;
  return freePorts ? { host: '127.0.0.1', port: 0 } : parseListenAddress(text);
}

async function bind(server: Listener, name: string, at: ListenAddress): Promise<number> {
  try {
    return (await server.listen(at)).port;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
    if (code === undefined) throw error;
    const reasons = new Map([
      ['EADDRINUSE', 'another program listens there'],
      ['EACCES', 'this user may not listen there'],
      ['EADDRNOTAVAIL', 'this machine has no such address'],
    ]);
    throw new CommandError(
      `cannot listen on ${formatListenAddress(at)}: ${reasons.get(code) ?? code}; ` +
        `set listen.${name} to another address, or start with --free-ports`,
      { cause: error },
    );
  }
}

function lmtpServer({ store, configuration, hostname, certificates, logger, clock }: FrontEndParts): Listener {
  const log = logger.child({ service: 'lmtp' });
  const { mailboxes, messages, addresses, accounts } = store;
  const delivery = createDelivery({
    mailboxes,
    messages,
    addresses,
    accounts,
    clock,
    logger: log,
    settings: configuration.get(deliverySection),
    hostname,
  });
  return createLmtpServer({
    delivery,
    messages,
    logger: log,
    settings: configuration.get(lmtpSection),
    hostname,
    secureContext: () => certificates.secureContext(),
  });
}
