import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { PeerReader } from '../../lib/proxy/index.ts';

/** Who is at the other end of each connection of an HTTP server, behind load balancers too. */
export class RemoteAddresses {
  readonly #server: Server;
  /** By the real other end: under TLS the request's socket is not the one that was accepted, but has the same. */
  readonly #told = new Map<string, string>();
  readonly #sockets = new Set<Socket>();

  constructor(server: Server) {
    this.#server = server;
    server.prependListener('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  get connectionCount(): number {
    return this.#sockets.size;
  }

  /** From now on connections are looked at by the reader before HTTP or TLS see them. */
  readWith(readPeer: PeerReader): void {
    const listeners = this.#server.listeners('connection') as ((socket: Socket) => void)[];
    this.#server.removeAllListeners('connection');
    this.#server.on('connection', (socket: Socket) => {
      readPeer(socket, (remoteAddress) => {
        if (socket.destroyed) return;
        const key = keyOf(socket);
        this.#told.set(key, remoteAddress);
        socket.once('close', () => this.#told.delete(key));
        for (const listener of listeners) listener.call(this.#server, socket);
      });
    });
  }

  /** '' where the connection is gone and nobody knows any more. */
  of(socket: Socket): string {
    return this.#told.get(keyOf(socket)) ?? socket.remoteAddress ?? '';
  }
}

function keyOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  return `${remoteAddress} ${String(remotePort)}`;
}
