import { randomBytes } from 'node:crypto';
import type { Accounts } from '../lib/accounts/index.ts';
import type { Addresses } from '../lib/addresses/index.ts';
import type { AccessTokens, Auth } from '../lib/auth/index.ts';
import type { JobStatus } from '../lib/jobs/index.ts';
import type { Mailboxes } from '../lib/journal/index.ts';
import type { Clock } from '../lib/kernel/clock.ts';
import { MailError } from '../lib/kernel/errors.ts';
import type { Logger } from '../lib/kernel/logger.ts';
import type { SectionValues } from '../lib/kernel/section.ts';
import type { Messages } from '../lib/messages/index.ts';
import type { Nodes } from '../lib/nodes/index.ts';
import type { PeerReader } from '../lib/proxy/index.ts';
import type { ApiServices } from './http/api-request.ts';
import { describeRoutes } from './http/openapi.ts';
import { createCursorSeal } from './http/paging.ts';
import { createRunner } from './http/run-route.ts';
import { sendError, sendJson } from './http/send-answer.ts';
import { createHttpServer, type Exchange, type ExchangeHandler, type TlsCredentials } from './http/server.ts';
import { routes } from './routes/routes.ts';
import type { apiSection } from './settings.ts';

export interface ApiServerOptions {
  readonly mailboxes: Mailboxes;
  readonly messages: Messages;
  readonly accounts: Accounts;
  readonly addresses: Addresses;
  readonly auth: Auth;
  readonly tokens: AccessTokens;
  /** Whether a token opens everything; takes the same time whatever is wrong with it. */
  readonly isRootToken: (token: string) => boolean;
  /** Signs paging cursors; the same on every node that a client may come to next. Without it they end with the process. */
  readonly cursorSecret?: string;
  /** Who serves the store, and what goes on in the background. */
  readonly nodes: Nodes;
  readonly listJobs: () => Promise<readonly JobStatus[]>;
  /** True once this process is to be left alone: /health answers 503 then, before anything else does. */
  readonly isDraining?: () => boolean;
  /** Called for each request. */
  readonly onRequest?: () => void;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: Omit<SectionValues<typeof apiSection.settings>, 'host' | 'port' | 'secure'>;
  /** Told by /health and in the OpenAPI document. */
  readonly version: string;
  /** HTTPS, where given. */
  readonly tls?: TlsCredentials;
}

export interface ApiServer {
  /** @param port 0 takes a free one */
  listen(host: string, port: number, readPeer?: PeerReader): Promise<{ readonly port: number }>;
  /** Connections that stand. */
  readonly connectionCount: number;
  /** Answers what is under way and takes nothing new; what is not done by the deadline is cut off. */
  close(deadlineMs: number): Promise<void>;
  /** The certificate for connections from now on; only where there was one from the start. */
  setTls(tls: TlsCredentials): void;
}

export function createApiServer(options: ApiServerOptions): ApiServer {
  const { settings, isRootToken, logger, tls } = options;
  const services: ApiServices = {
    ...options,
    cursors: createCursorSeal(options.cursorSecret ?? randomBytes(32).toString('hex')),
    maxMessageOctets: settings.maxMessage,
  };
  const server = createHttpServer({ tls, onUnknown: answerUnknown });
  const runner = createRunner({
    services,
    isRootToken,
    logger,
    maxBodyOctets: settings.maxBody,
    maxUserRequests: settings.maxUserRequests,
    acceptsTokenInQuery: settings.tokenInQuery,
  });
  let isClosing = false;
  let underWay = 0;

  /** More at once would only make all of them slower; refused before the body is read. */
  const unlessTooMany =
    (handler: ExchangeHandler): ExchangeHandler =>
    async (exchange) => {
      if (underWay >= settings.maxRequests) {
        const error = new MailError('unavailable', 'Too many requests at the moment, please try again');
        await sendError(exchange, error, { Connection: 'close' });
        return;
      }
      underWay += 1;
      try {
        await handler(exchange);
      } finally {
        underWay -= 1;
      }
    };
  /** Connections that are kept alive bring further requests while the server closes. */
  const unlessClosing =
    (handler: ExchangeHandler): ExchangeHandler =>
    (exchange) => {
      options.onRequest?.();
      if (!isClosing) return handler(exchange);
      const error = new MailError('shutting-down', 'The server is shutting down, please try again');
      return sendError(exchange, error, { Connection: 'close' });
    };
  /** Load balancers ask this path, and have no token. */
  const unlessDraining =
    (handler: ExchangeHandler): ExchangeHandler =>
    (exchange) => {
      if (options.isDraining?.() !== true) return handler(exchange);
      return sendError(exchange, new MailError('shutting-down', 'This node is draining'));
    };
  for (const route of routes) {
    const handler = runner(route);
    const admitted = route.path === '/health' ? unlessDraining(handler) : unlessTooMany(handler);
    server.route(route.method, route.path, unlessClosing(admitted));
  }
  const document = describeRoutes(routes, options.version);
  server.route(
    'GET',
    '/openapi.json',
    unlessClosing((exchange) => sendJson(exchange, 200, document)),
  );

  return {
    listen: (host, port, readPeer) => server.listen(host, port, readPeer),
    get connectionCount() {
      return server.connectionCount;
    },
    close: (deadlineMs) => {
      isClosing = true;
      return server.close(deadlineMs);
    },
    setTls: (next) => server.setTls(next),
  };
}

async function answerUnknown(exchange: Exchange, allow: string | undefined): Promise<void> {
  if (allow !== undefined) {
    await sendJson(exchange, 405, { code: 'MethodNotAllowed', message: `The path takes ${allow}` }, { Allow: allow });
    return;
  }
  await sendJson(exchange, 404, { code: 'ResourceNotFound', message: 'There is no such resource' });
}
