import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { Connection } from './connection.ts';
import { DEFAULT_IMAP_LIMITS, type ImapLimits } from './limits.ts';
import type { ConnectionSettings } from './settings.ts';
import { UnauthenticatedConnections } from './unauthenticated-connections.ts';

export interface ImapServerOptions extends Omit<ConnectionSettings, 'limits'> {
  /** Those not given are `DEFAULT_IMAP_LIMITS`. */
  readonly limits?: Partial<ImapLimits>;
}

export interface ListenOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** TLS from the first octet; otherwise STARTTLS is offered where there is a secure context. */
  readonly isImplicitTls: boolean;
  /**
   * Finds out whom a connection comes from where that is not the other end of the socket, before anything else is read;
   * a socket that it does not hand on it has closed.
   */
  readonly readPeer?: (socket: Socket, take: (remoteAddress: string) => void) => void;
}

export interface ImapServer {
  /** Resolves when connections are taken. May be called for several addresses. */
  listen(options: ListenOptions): Promise<{ readonly host: string; readonly port: number }>;
  /** For connections made from now on and, but for their output marks, for those that stand. */
  setLimits(limits: Partial<ImapLimits>): void;
  /** Connections that stand. */
  readonly connectionCount: number;
  /**
   * Takes no more connections and says BYE to each that stands, as soon as its command has ended; after so many
   * milliseconds what is left is cut off.
   * @param sayGoodbyes decides whose turn is when; where not given, all are told at once
   */
  close(deadlineMs: number, sayGoodbyes?: SayGoodbyes): Promise<void>;
}

/** A connection that is to end. */
interface LeavingConnection {
  /** False while a command is under way. */
  readonly isIdle: boolean;
  leave(): void;
}

/** Tells all of them before the deadline, in milliseconds from now. @returns tells nobody any more */
type SayGoodbyes = (connections: readonly LeavingConnection[], deadlineMs: number) => () => void;

const atOnce: SayGoodbyes = (connections) => {
  for (const connection of connections) connection.leave();
  return () => undefined;
};

class ListeningImapServer implements ImapServer {
  readonly #settings: ConnectionSettings;
  #limits: ImapLimits;
  readonly #servers = new Set<Server>();
  readonly #connections = new Set<Connection>();
  readonly #unauthenticated = new UnauthenticatedConnections();
  #onEmpty: (() => void) | undefined;

  constructor(options: ImapServerOptions) {
    this.#limits = { ...DEFAULT_IMAP_LIMITS, ...options.limits };
    this.#settings = { ...options, limits: () => this.#limits };
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  setLimits(limits: Partial<ImapLimits>): void {
    this.#limits = { ...this.#limits, ...limits };
  }

  async listen({
    host,
    port,
    isImplicitTls,
    readPeer = takeOtherEnd,
  }: ListenOptions): Promise<{ readonly host: string; readonly port: number }> {
    // A client may close its side once it has sent LOGOUT, and still wants the answer.
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      readPeer(socket, (remoteAddress) => {
        this.#take(socket, remoteAddress, isImplicitTls);
      });
    });
    server.listen(port, host);
    await once(server, 'listening');
    server.on('error', (error) => {
      this.#settings.logger.error({ err: error }, 'listening failed');
    });
    this.#servers.add(server);
    const address = server.address() as AddressInfo;
    return { host: address.address, port: address.port };
  }

  async close(deadlineMs: number, sayGoodbyes: SayGoodbyes = atOnce): Promise<void> {
    const closed = [...this.#servers].map(
      async (server) =>
        await new Promise<void>((resolve) => {
          server.close(() => {
            resolve();
          });
        }),
    );
    this.#servers.clear();
    const leaving = [...this.#connections].map((connection) => ({
      isIdle: connection.isIdle,
      leave: () => connection.end('Server is shutting down'),
    }));
    const stopTelling = sayGoodbyes(leaving, deadlineMs);
    const timer = setTimeout(() => {
      for (const connection of this.#connections) connection.destroy();
    }, deadlineMs);
    if (this.#connections.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onEmpty = resolve;
      });
    }
    clearTimeout(timer);
    stopTelling();
    await Promise.all(closed);
  }

  #take(socket: Socket, address: string, isImplicitTls: boolean): void {
    const { unauthenticatedPerAddress: perAddress, unauthenticated: total } = this.#limits;
    if (this.#servers.size === 0 || socket.destroyed) {
      socket.destroy();
      return;
    }
    if (!this.#unauthenticated.enter(address, { perAddress, total })) {
      socket.on('error', () => socket.destroy());
      // Under TLS a word would cost a handshake.
      if (!isImplicitTls) socket.write('* BYE Too many connections\r\n');
      socket.destroySoon();
      return;
    }
    let isCounted = true;
    const leave = (): void => {
      if (isCounted) this.#unauthenticated.leave(address);
      isCounted = false;
    };
    const connection = new Connection({ socket, remoteAddress: address }, this.#settings, {
      onAuthenticated: leave,
      onClosed: () => {
        leave();
        this.#connections.delete(connection);
        if (this.#connections.size === 0) this.#onEmpty?.();
      },
    });
    this.#connections.add(connection);
    void connection.serve(isImplicitTls);
  }
}

function takeOtherEnd(socket: Socket, take: (remoteAddress: string) => void): void {
  if (socket.remoteAddress === undefined) socket.destroy();
  else take(socket.remoteAddress);
}

/** An IMAP server over a backend; it listens nowhere yet. */
export function createImapServer(options: ImapServerOptions): ImapServer {
  return new ListeningImapServer(options);
}
