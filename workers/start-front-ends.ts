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
import { listJobs } from '../lib/jobs/index.ts';
import { createNodes, type NodeRole } from '../lib/nodes/index.ts';
import { proxiedPeer, proxySection, type PeerReader } from '../lib/proxy/index.ts';
import type { AdminTokens } from './admin-token.ts';
import { CommandError } from './command-error.ts';
import type { Store } from './compose.ts';
import { formatListenAddress, parseListenAddress, type ListenAddress } from './listen-address.ts';
import { createHealthServer } from './health-server.ts';
import type { LoadMeter } from './node-load.ts';
import type { ReadyReport } from './ready-file.ts';
import { ALL_ROLES } from './roles.ts';
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
  /** What this process does; everything where not given. */
  readonly roles?: ReadonlySet<NodeRole>;
  readonly load: LoadMeter;
  /** True once load balancers are to turn away. */
  readonly isDraining: () => boolean;
}

/** What each front end's server can do. */
interface Listener {
  listen(
    at: ListenAddress & { readonly implicitTls?: boolean; readonly readPeer?: PeerReader },
  ): Promise<{ readonly port: number }>;
  readonly connectionCount: number;
  close(deadlineMs: number): Promise<void>;
}

/** Starts what is configured to be served. @returns where each listens */
export async function startFrontEnds(parts: FrontEndParts): Promise<Omit<ReadyReport, 'pid' | 'adminToken'>> {
  const listen = parts.configuration.get(listenSection);
  const services: Service[] = [];
  const { roles = ALL_ROLES } = parts;
  const proxy = parts.configuration.get(proxySection);
  const proxied = proxiedPeer(proxy, parts.logger.child({ service: 'proxy' }));
  const isProxied = (name: string): boolean => proxy.trustedNetworks.length > 0 && proxy.listeners.includes(name);
  const peersOf = (name: string): { readonly readPeer?: PeerReader } => (isProxied(name) ? { readPeer: proxied } : {});
  /** Binds one server's ports before the next starts, so that a port that is taken is told at once. */
  const open = async (
    role: NodeRole,
    names: readonly (keyof typeof listen)[],
    create: () => Listener,
  ): Promise<Partial<ReadyReport>> => {
    const wanted = names.flatMap((name) => {
      const at = wantedAddress(listen[name], parts.freePorts);
      return at === undefined ? [] : [{ name, at }];
    });
    if (wanted.length === 0 || !roles.has(role)) return {};
    const server = create();
    parts.load.serve(role, () => server.connectionCount);
    services.push({ name: names[0] ?? '', stop: (deadline) => server.close(deadline.leftMs()) });
    const bound: [string, ListenAddress][] = [];
    for (const { name, at } of wanted) {
      const listening = () => server.listen({ ...at, implicitTls: name.endsWith('s'), ...peersOf(name) });
      bound.push([name, { host: at.host, port: await bind(listening, `listen.${name}`, at) }]);
    }
    return Object.fromEntries(bound);
  };
  try {
    return {
      ...(await open('imap', ['imap', 'imaps'], () => imapFrontEnd(parts))),
      ...(await open('pop3', ['pop3', 'pop3s'], () => pop3Server(parts))),
      ...(await open('lmtp', ['lmtp'], () => lmtpServer(parts))),
      ...(roles.has('api') ? await startApi(parts, services, peersOf('api').readPeer) : {}),
      ...(await startHealth(parts, listen.health)),
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

function imapFrontEnd({ store, configuration, certificates, logger, clock, onReload, load }: FrontEndParts): Listener {
  const sessions = store.sessionLimit('imap');
  const frontEnd = createImapFrontEnd({
    auth: store.auth,
    mailboxes: store.mailboxes,
    messages: store.messages,
    clock,
    settings: () => configuration.get(imapSection),
    secureContext: () => certificates.secureContext(),
    logger: logger.child({ service: 'imap' }),
    onCommand: () => load.count(),
    ...(sessions !== undefined && { sessions }),
    version: VERSION,
  });
  onReload(() => {
    frontEnd.reload();
  });
  return frontEnd;
}

function pop3Server({ store, configuration, certificates, logger, clock, load }: FrontEndParts): Listener {
  const sessions = store.sessionLimit('pop3');
  return createPop3Server({
    auth: store.auth,
    mailboxes: store.mailboxes,
    messages: store.messages,
    clock,
    logger: logger.child({ service: 'pop3' }),
    onCommand: () => load.count(),
    ...(sessions !== undefined && { sessions }),
    settings: () => configuration.get(pop3Section),
    secureContext: () => certificates.secureContext(),
  });
}

function lmtpServer(parts: FrontEndParts): Listener {
  const { store, configuration, hostname, certificates, logger, clock, load } = parts;
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
    onCommand: () => load.count(),
    hostname,
    secureContext: () => certificates.secureContext(),
  });
}

async function startApi(
  parts: FrontEndParts,
  services: Service[],
  readPeer: PeerReader | undefined,
): Promise<Partial<ReadyReport>> {
  const { store, configuration, certificates, adminTokens, logger, clock, freePorts, load } = parts;
  const { database } = store;
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
    cursorSecret: adminTokens.cursorSecret(),
    nodes: createNodes({ database, clock }),
    listJobs: () => listJobs({ database, clock }),
    isDraining: parts.isDraining,
    onRequest: () => load.count(),
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
  load.serve('api', () => server.connectionCount);
  const port = await bind(() => server.listen(at.host, at.port, readPeer), 'api.port', at);
  return { api: { url: `${settings.secure ? 'https' : 'http'}://${formatListenAddress({ host: at.host, port })}` } };
}

/** Stops last of all: as long as anybody is served, load balancers are told what they are to do. */
async function startHealth(
  { freePorts, isDraining, lifecycle }: FrontEndParts,
  text: string,
): Promise<Partial<ReadyReport>> {
  const at = wantedAddress(text, freePorts);
  if (at === undefined) return {};
  const server = createHealthServer(() => !isDraining());
  lifecycle.add({ name: 'health', stop: () => server.close() });
  return { health: { host: at.host, port: await bind(() => server.listen(at), 'listen.health', at) } };
}

function httpsCredentials(certificates: Certificates): TlsCredentials {
  const { privateKey, certificate } = certificates.current();
  return { key: privateKey, cert: certificate };
}
