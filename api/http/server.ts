import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import restify from 'restify';
import { MailError } from '../../lib/kernel/errors.ts';
import type { PeerReader } from '../../lib/proxy/index.ts';
import type { Method } from './define-route.ts';
import { RemoteAddresses } from './remote-addresses.ts';

export interface TlsCredentials {
  /** PEM. */
  readonly key: string | Buffer;
  readonly cert: string | Buffer;
}

/** One request and its answer, as Node has them, with the parameters that the path gave. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly parameters: ReadonlyMap<string, unknown>;
  /** Of the connection, kept because a connection that is gone no longer knows. */
  readonly remoteAddress: string;
}

export type ExchangeHandler = (exchange: Exchange) => Promise<void>;

/** What this project uses of restify: routing, and nothing that reads bodies, formats answers or logs. */
export interface HttpServer {
  route(method: Method, path: string, handler: ExchangeHandler): void;
  /** Binds; rejects with the system's error where the address is taken. */
  /** @param readPeer whom a connection comes from; where not given, the other end of its socket */
  listen(host: string, port: number, readPeer?: PeerReader): Promise<{ readonly port: number }>;
  /** Connections that stand. */
  readonly connectionCount: number;
  /** Takes no more connections; resolves when the last is gone, cut after the deadline. */
  close(deadlineMs: number): Promise<void>;
  /** For connections from now on. */
  setTls(tls: TlsCredentials): void;
}

export interface HttpServerOptions {
  readonly tls: TlsCredentials | undefined;
  /** Answers what no route takes: an unknown path, or a known path with another method (`allow` lists those). */
  readonly onUnknown: (exchange: Exchange, allow: string | undefined) => Promise<void>;
}

/** A request's headers and a small body must be here by then; a message of 64 MiB at 1 Mbit/s takes 9 minutes. */
const HEADERS_TIMEOUT_MS = 30_000;
const REQUEST_TIMEOUT_MS = 15 * 60_000;
const IDLE_TIMEOUT_MS = 120_000;
const KEEP_ALIVE_TIMEOUT_MS = 30_000;
const MAX_CONNECTIONS = 1000;
/** find-my-way's own 100 characters are too few for an e-mail address in a path. */
const MAX_PARAMETER_CHARACTERS = 1200;

const nothing = (): void => undefined;
/** restify writes parameters and headers, secrets among them, to its log: it gets one that says nothing. */
const silentLog = {
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  fatal: nothing,
  child: () => silentLog,
};

/** The part of restify 12 that is used; its published types are of restify 8. */
interface Restify {
  readonly server: HttpsServer;
  first(handler: (request: IncomingMessage, response: ServerResponse) => boolean): void;
  on(event: ServerEvent, listener: (request: IncomingMessage, response: ServerResponse) => void): void;
  readonly get: Mount;
  readonly post: Mount;
  readonly put: Mount;
  readonly del: Mount;
}
type ServerEvent = 'checkContinue' | 'error' | 'NotFound' | 'MethodNotAllowed';
type RoutedRequest = IncomingMessage & { readonly params: Readonly<Record<string, unknown>> };
type Mount = (
  options: { readonly path: string },
  handler: (request: RoutedRequest, response: ServerResponse) => Promise<void>,
) => void;

export function createHttpServer({ tls, onUnknown }: HttpServerOptions): HttpServer {
  const options = {
    name: '',
    log: silentLog,
    maxParamLength: MAX_PARAMETER_CHARACTERS,
    ...(tls !== undefined && { httpsServerOptions: { ...tls, minVersion: 'TLSv1.2' } }),
  };
  const server = restify.createServer(options as object) as unknown as Restify;
  const node = server.server;
  const peers = new RemoteAddresses(node);
  node.headersTimeout = HEADERS_TIMEOUT_MS;
  node.requestTimeout = REQUEST_TIMEOUT_MS;
  node.keepAliveTimeout = KEEP_ALIVE_TIMEOUT_MS;
  node.maxConnections = MAX_CONNECTIONS;
  node.setTimeout(IDLE_TIMEOUT_MS);
  // With restify's listener an Upgrade header would leave the connection to nobody; without it is passed over.
  node.removeAllListeners('upgrade');
  // A connection that was busy when the server began to close would otherwise be kept alive until it times out.
  node.prependListener('request', (_request, response) => {
    response.once('close', () => {
      if (!node.listening) setImmediate(() => node.closeIdleConnections());
    });
  });
  // Whoever waits for "100 Continue" is told when the body is about to be read, so that a refusal comes before it.
  server.on('checkContinue', (request, response) => node.emit('request', request, response));
  server.on('error', nothing);
  // restify builds a URL from the Host header and throws where nobody catches it: it gets harmless ones.
  server.first((request, response) => {
    request.headers.host = 'localhost';
    if (request.url?.startsWith('/') === true && URL.canParse(`http://localhost${request.url}`)) return true;
    // Not chained: restify's writeHead gives nothing back.
    response.writeHead(400, { Connection: 'close' });
    response.end();
    return false;
  });

  // The listeners' callbacks are left alone: behind them restify would send an answer of its own.
  const unknown = (request: IncomingMessage, response: ServerResponse): void => {
    const allow = response.getHeader('Allow');
    void onUnknown(toExchange(request, response, new Map(), peers), typeof allow === 'string' ? allow : undefined);
  };
  server.on('NotFound', unknown);
  server.on('MethodNotAllowed', unknown);

  const mounts: Readonly<Record<Method, Mount>> = {
    GET: server.get,
    POST: server.post,
    PUT: server.put,
    DELETE: server.del,
  };
  return {
    route: (method, path, handler) => {
      mounts[method].call(server, { path }, async (request, response) => {
        await handler(toExchange(request, response, new Map(Object.entries(request.params)), peers));
      });
    },
    listen: (host, port, readPeer) => {
      if (readPeer !== undefined) peers.readWith(readPeer);
      return listen(node, host, port);
    },
    get connectionCount() {
      return peers.connectionCount;
    },
    close: (deadlineMs) => close(node, deadlineMs),
    setTls: (next) => {
      if (tls === undefined) throw new MailError('internal', 'This listener has no TLS');
      node.setSecureContext({ ...next });
    },
  };
}

function toExchange(
  request: IncomingMessage,
  response: ServerResponse,
  parameters: Exchange['parameters'],
  peers: RemoteAddresses,
): Exchange {
  return { request, response, parameters, remoteAddress: peers.of(request.socket) };
}

function listen(node: HttpsServer, host: string, port: number): Promise<{ readonly port: number }> {
  return new Promise((resolve, reject) => {
    node.once('error', reject);
    node.listen(port, host, () => {
      node.off('error', reject);
      resolve({ port: (node.address() as AddressInfo).port });
    });
  });
}

async function close(node: HttpsServer, deadlineMs: number): Promise<void> {
  if (!node.listening) return;
  const closed = new Promise<void>((resolve) => node.close(() => resolve()));
  const deadline = setTimeout(() => node.closeAllConnections(), deadlineMs);
  await closed;
  clearTimeout(deadline);
}
