import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import type { User } from '../../accounts/index.ts';
import { createLocalSessionLimit, type SessionLease, type SessionLimit } from '../../auth/index.ts';
import { spreadGoodbyes } from '../../kernel/goodbyes.ts';
import { directPeer, type PeerReader } from '../../proxy/index.ts';
import type { Pop3Rooms } from './command.ts';
import { Pop3Connection, type ConnectionHost } from './pop3-connection.ts';
import type { Pop3Settings } from './settings.ts';
import { UnauthenticatedConnections } from './unauthenticated-connections.ts';

export interface Pop3ServerParts extends Pop3Rooms {
  /** Read anew for every connection where the setting is reloadable. */
  readonly settings: Pop3Settings | (() => Pop3Settings);
  /** The certificate as of now; without it there is neither STLS nor implicit TLS. */
  readonly secureContext?: () => SecureContext;
  /** Sessions of one account; where not given, those of this server alone are counted. */
  readonly sessions?: SessionLimit;
  /** Called for each command. */
  readonly onCommand?: (() => void) | undefined;
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
    /** Whom a connection comes from; where not given, the other end of its socket. */
    readonly readPeer?: PeerReader;
  }): Promise<{ readonly port: number }>;
  /** Connections that stand. */
  readonly connectionCount: number;
  /**
   * Accepts nobody any more, ends sessions between two commands, one after the other, and cuts off what is left at the
   * deadline.
   */
  close(deadlineMs: number): Promise<void>;
}

export function createPop3Server(parts: Pop3ServerParts): Pop3Server {
  const { settings } = parts;
  const clients = new Clients({
    rooms: parts,
    sessions: parts.sessions ?? createLocalSessionLimit(),
    onCommand: parts.onCommand,
    secureContext: parts.secureContext,
    settings: typeof settings === 'function' ? settings : () => settings,
  });
  const servers: Server[] = [];
  return {
    listen: async ({ host, port, implicitTls = false, readPeer = directPeer }) => {
      if (implicitTls && parts.secureContext === undefined) throw new Error('implicit TLS wants a certificate');
      const server = createServer({ noDelay: true }, (socket) => {
        readPeer(socket, (remoteAddress) => {
          clients.accept(socket, remoteAddress, implicitTls);
        });
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
    get connectionCount() {
      return clients.count;
    },
    close: async (deadlineMs) => {
      const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)));
      const deadline = setTimeout(() => {
        clients.destroyAll();
      }, deadlineMs);
      const stopTelling = clients.drainAll(deadlineMs);
      await Promise.all(closed);
      clearTimeout(deadline);
      stopTelling();
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
  readonly #sessions: SessionLimit;
  readonly #onCommand: (() => void) | undefined;
  #isDraining = false;

  constructor(
    host: Pick<ConnectionHost, 'rooms' | 'secureContext' | 'settings'> &
      Pick<Pop3ServerParts, 'onCommand'> & { readonly sessions: SessionLimit },
  ) {
    this.#sessions = host.sessions;
    this.#onCommand = host.onCommand;
    this.rooms = host.rooms;
    this.secureContext = host.secureContext;
    this.settings = () => host.settings();
  }

  get count(): number {
    return this.#connections.size;
  }

  accept(socket: Socket, address: string, isImplicitTls: boolean): void {
    if (this.#isDraining || socket.destroyed) {
      socket.destroy();
      return;
    }
    const { maxUnauthenticated: total, maxUnauthenticatedPerAddress: perAddress } = this.settings();
    if (!this.#unauthenticated.enter(address, { perAddress, total })) {
      turnAway(socket, isImplicitTls);
      return;
    }
    const connection = new Pop3Connection(this, socket, address);
    this.#connections.add(connection);
    this.#waiting.add(connection);
    connection.start(isImplicitTls);
  }

  admit(user: User): Promise<SessionLease> {
    return this.#sessions.enter(user.account, this.settings().maxConnectionsPerUser);
  }

  countCommand(): void {
    this.#onCommand?.();
  }

  loggedIn(connection: Pop3Connection): void {
    if (this.#waiting.delete(connection)) this.#unauthenticated.leave(connection.remoteAddress);
  }

  closed(connection: Pop3Connection): void {
    this.loggedIn(connection);
    this.#connections.delete(connection);
  }

  /** @returns tells nobody any more */
  drainAll(deadlineMs: number): () => void {
    this.#isDraining = true;
    const leaving = [...this.#connections].map((connection) => ({
      isIdle: connection.isIdle,
      leave: () => connection.drain(),
    }));
    return spreadGoodbyes(leaving, deadlineMs, this.rooms.clock);
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
