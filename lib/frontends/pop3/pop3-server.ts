import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import type { UserId } from '../../kernel/ids.ts';
import type { User } from '../../accounts/index.ts';
import type { Pop3Rooms } from './command.ts';
import { Pop3Connection, type ConnectionHost } from './pop3-connection.ts';
import type { Pop3Settings } from './settings.ts';
import { UnauthenticatedConnections } from './unauthenticated-connections.ts';

export interface Pop3ServerParts extends Pop3Rooms {
  /** Read anew for every connection where the setting is reloadable. */
  readonly settings: Pop3Settings | (() => Pop3Settings);
  /** The certificate as of now; without it there is neither STLS nor implicit TLS. */
  readonly secureContext?: () => SecureContext;
}

export interface Pop3Server {
  /**
   * May be called for several addresses.
   * @returns the port bound, which differs where 0 was asked for
   */
  listen(at: {
    readonly host: string;
    readonly port: number;
    readonly implicitTls?: boolean;
  }): Promise<{ readonly port: number }>;
  /** Accepts nobody any more, ends sessions between two commands, and cuts off what is left at the deadline. */
  close(deadlineMs: number): Promise<void>;
}

export function createPop3Server(parts: Pop3ServerParts): Pop3Server {
  const { settings } = parts;
  const clients = new Clients({
    rooms: parts,
    secureContext: parts.secureContext,
    settings: typeof settings === 'function' ? settings : () => settings,
  });
  const servers: Server[] = [];
  return {
    listen: async ({ host, port, implicitTls = false }) => {
      if (implicitTls && parts.secureContext === undefined) throw new Error('implicit TLS wants a certificate');
      const server = createServer({ noDelay: true }, (socket) => {
        clients.accept(socket, implicitTls);
      });
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host, port }, () => {
          server.off('error', reject);
          resolve();
        });
      });
      server.on('error', (error) => {
        parts.logger.error({ err: error }, 'POP3 listener failed');
      });
      servers.push(server);
      return { port: (server.address() as AddressInfo).port };
    },
    close: async (deadlineMs) => {
      const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)));
      const deadline = setTimeout(() => {
        clients.destroyAll();
      }, deadlineMs);
      clients.drainAll();
      await Promise.all(closed);
      clearTimeout(deadline);
    },
  };
}

/** Everybody who is connected, and the limits on them. */
class Clients implements ConnectionHost {
  readonly rooms: Pop3Rooms;
  readonly secureContext: (() => SecureContext) | undefined;
  readonly settings: () => Pop3Settings;
  readonly #connections = new Set<Pop3Connection>();
  readonly #unauthenticated = new UnauthenticatedConnections();
  /** Connections counted in `#unauthenticated`. */
  readonly #waiting = new Set<Pop3Connection>();
  readonly #sessions = new Map<UserId, number>();

  constructor(host: Pick<ConnectionHost, 'rooms' | 'secureContext' | 'settings'>) {
    this.rooms = host.rooms;
    this.secureContext = host.secureContext;
    this.settings = () => host.settings();
  }

  accept(socket: Socket, isImplicitTls: boolean): void {
    const address = socket.remoteAddress ?? '';
    const { maxUnauthenticated: total, maxUnauthenticatedPerAddress: perAddress } = this.settings();
    if (!this.#unauthenticated.enter(address, { perAddress, total })) {
      turnAway(socket, isImplicitTls);
      return;
    }
    const connection = new Pop3Connection(this, socket);
    this.#connections.add(connection);
    this.#waiting.add(connection);
    connection.start(isImplicitTls);
  }

  admit(user: User): boolean {
    const count = this.#sessions.get(user.id) ?? 0;
    if (count >= this.settings().maxConnectionsPerUser) return false;
    this.#sessions.set(user.id, count + 1);
    return true;
  }

  loggedIn(connection: Pop3Connection): void {
    if (this.#waiting.delete(connection)) this.#unauthenticated.leave(connection.remoteAddress);
  }

  release(user: User): void {
    const count = this.#sessions.get(user.id) ?? 0;
    if (count <= 1) this.#sessions.delete(user.id);
    else this.#sessions.set(user.id, count - 1);
  }

  closed(connection: Pop3Connection): void {
    this.loggedIn(connection);
    this.#connections.delete(connection);
  }

  drainAll(): void {
    for (const connection of this.#connections) connection.drain();
  }

  destroyAll(): void {
    for (const connection of this.#connections) connection.destroy();
  }
}

/** One line where the client can read it; before a TLS handshake nothing can be said. */
function turnAway(socket: Socket, isImplicitTls: boolean): void {
  socket.on('error', () => undefined);
  if (isImplicitTls) socket.destroy();
  else socket.end('-ERR [SYS/TEMP] Too many connections, please try again later\r\n', () => socket.destroy());
}
