import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ListenAddress } from './listen-address.ts';

/** Tells a load balancer whether to send anybody here. */
export interface HealthServer {
  listen(at: ListenAddress): Promise<{ readonly port: number }>;
  close(): Promise<void>;
}

const TIMEOUT_MS = 5000;
const MAX_CONNECTIONS = 64;

/**
 * `GET /health`: 200 while this process takes work, 503 while it drains. Without a token, and without a word about
 * anything else; the database is not asked, for when it is away every node is alike and none is to be taken out.
 */
export function createHealthServer(isTaking: () => boolean): HealthServer {
  const server: Server = createServer(
    { requestTimeout: TIMEOUT_MS, headersTimeout: TIMEOUT_MS, keepAliveTimeout: TIMEOUT_MS, maxHeaderSize: 8192 },
    (request, response) => {
      const isKnown = /^\/health(?:\?|$)/.test(request.url ?? '');
      const isRead = request.method === 'GET' || request.method === 'HEAD';
      const status = !isKnown ? 404 : !isRead ? 405 : isTaking() ? 200 : 503;
      const text = { 200: 'ok', 404: 'not found', 405: 'method not allowed', 503: 'draining' }[status];
      response.writeHead(status, { 'Content-Type': 'text/plain', Connection: 'close', 'Cache-Control': 'no-store' });
      response.end(`${text}\n`);
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  return {
    listen: ({ host, port }) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, () => {
          server.off('error', reject);
          resolve({ port: (server.address() as AddressInfo).port });
        });
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
