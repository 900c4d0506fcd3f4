import { apiSection, createApiServer, type TlsCredentials } from '../api/index.ts';
import type { Certificates } from '../lib/certificates/index.ts';
import type { Configuration } from '../lib/config/index.ts';
import { createDelivery, deliverySection } from '../lib/delivery/index.ts';
import { createImapFrontEnd, imapSection } from '../lib/frontends/imap/index.ts';
import { createLmtpServer, lmtpSection } from '../lib/frontends/lmtp/index.ts';
import { createPop3Server, pop3Section } from '../lib/frontends/pop3/index.ts';
import type { Clock } from '../lib/kernel/clock.ts';
import type { Lifecycle, Service } from '../lib/kernel/lifecycle.ts';
import type { Logger } from '../lib/kernel/logger.ts';
import type { AdminTokens } from './admin-token.ts';
import { CommandError } from './command-error.ts';
import type { Store } from './compose.ts';
import { formatListenAddress, parseListenAddress, type ListenAddress } from './listen-address.ts';
import type { ReadyReport } from './ready-file.ts';
import { listenSection } from './settings.ts';
import { VERSION } from './version.ts';

export interface FrontEndParts {
  readonly store: Store;
  readonly configuration: Configuration;
  readonly hostname: string;
  readonly certificates: Certificates;
  readonly adminTokens: AdminTokens;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly lifecycle: Lifecycle;
  /** Calls the function after the settings were read again. */
  readonly onReload: (listener: () => void) => void;
  /** Free loopback ports for all. */
  readonly freePorts: boolean;
}

/** What each front end's server can do. */
interface Listener {
  listen(at: ListenAddress & { readonly implicitTls?: boolean }): Promise<{ readonly port: number }>;
  close(deadlineMs: number): Promise<void>;
}

/** Starts what is configured to be served. @returns where each listens */
export async function startFrontEnds(parts: FrontEndParts): Promise<Omit<ReadyReport, 'pid' | 'adminToken'>> {
  const listen = parts.configuration.get(listenSection);
  const services: Service[] = [];
  /** Binds one server's ports before the next starts, so that a port that is taken is told at once. */
  const open = async (
    names: readonly (keyof typeof listen)[],
    create: () => Listener,
  ): Promise<Partial<ReadyReport>> => {
    const wanted = names.flatMap((name) => {
      const at = wantedAddress(listen[name], parts.freePorts);
      return at === undefined ? [] : [{ name, at }];
    });
    if (wanted.length === 0) return {};
    const server = create();
    services.push({ name: names[0] ?? '', stop: (deadline) => server.close(deadline.leftMs()) });
    const bound: [string, ListenAddress][] = [];
    for (const { name, at } of wanted) {
      const listening = () => server.listen({ ...at, implicitTls: name.endsWith('s') });
      bound.push([name, { host: at.host, port: await bind(listening, `listen.${name}`, at) }]);
    }
    return Object.fromEntries(bound);
  };
  try {
    return {
      ...(await open(['imap', 'imaps'], () => imapFrontEnd(parts))),
      ...(await open(['pop3', 'pop3s'], () => pop3Server(parts))),
      ...(await open(['lmtp'], () => lmtpServer(parts))),
      ...(await startApi(parts, services)),
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

async function bind(
  listening: () => Promise<{ readonly port: number }>,
  setting: string,
  at: ListenAddress,
): Promise<number> {
  try {
    return (await listening()).port;
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
        `set ${setting} to another address, or start with --free-ports`,
      { cause: error },
    );
  }
}

function imapFrontEnd({ store, configuration, certificates, logger, clock, onReload }: FrontEndParts): Listener {
  const frontEnd = createImapFrontEnd({
    auth: store.auth,
    mailboxes: store.mailboxes,
    messages: store.messages,
    clock,
    settings: () => configuration.get(imapSection),
    secureContext: () => certificates.secureContext(),
    logger: logger.child({ service: 'imap' }),
    version: VERSION,
  });
  onReload(() => {
    frontEnd.reload();
  });
  return frontEnd;
}

function pop3Server({ store, configuration, certificates, logger, clock }: FrontEndParts): Listener {
  return createPop3Server({
    auth: store.auth,
    mailboxes: store.mailboxes,
    messages: store.messages,
    clock,
    logger: logger.child({ service: 'pop3' }),
    settings: () => configuration.get(pop3Section),
    secureContext: () => certificates.secureContext(),
  });
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

async function startApi(parts: FrontEndParts, services: Service[]): Promise<Partial<ReadyReport>> {
  const { store, configuration, certificates, adminTokens, logger, clock, freePorts } = parts;
  const settings = configuration.get(apiSection);
  const at = freePorts ? { host: '127.0.0.1', port: 0 } : { host: settings.host, port: settings.port };
  const server = createApiServer({
    mailboxes: store.mailboxes,
    messages: store.messages,
    accounts: store.accounts,
    addresses: store.addresses,
    auth: store.auth,
    tokens: store.accessTokens,
    isRootToken: (token) => adminTokens.isAdmin(token),
    clock,
    logger: logger.child({ service: 'api' }),
    settings,
    version: VERSION,
    ...(settings.secure ? { tls: httpsCredentials(certificates) } : {}),
  });
  services.push({ name: 'api', stop: (deadline) => server.close(deadline.leftMs()) });
  if (settings.secure) {
    certificates.onChange(() => {
      server.setTls(httpsCredentials(certificates));
    });
  }
  const port = await bind(() => server.listen(at.host, at.port), 'api.port', at);
  return { api: { url: `${settings.secure ? 'https' : 'http'}://${formatListenAddress({ host: at.host, port })}` } };
}

function httpsCredentials(certificates: Certificates): TlsCredentials {
  const { privateKey, certificate } = certificates.current();
  return { key: privateKey, cert: certificate };
}
