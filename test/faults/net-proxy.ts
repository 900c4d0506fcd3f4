import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Where a proxy leads: a TCP port or a Unix socket. */
export type ProxyTarget = { readonly host: string; readonly port: number } | { readonly path: string };

/** What becomes of octets while it is set, in both directions. */
export type ProxyFault =
  | { readonly kind: 'none' }
  /** Each piece comes so many milliseconds later, in order. */
  | { readonly kind: 'delay'; readonly ms: number }
  | { readonly kind: 'throttle'; readonly octetsPerSecond: number }
  /** Nothing passes and nothing is refused: what was sent waits until the fault ends. */
  | { readonly kind: 'black-hole' }
  /** Requests pass, and what they are answered waits until the fault ends. */
  | { readonly kind: 'mute' }
  /** New connections are closed at once; those that stand go on. */
  | { readonly kind: 'refuse' };

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  readonly pending: Set<NodeJS.Timeout>;
}

/**
 * A stretch of network between two parties that tests can break. It listens on a free loopback port and passes on
 * octets, in order, with back-pressure.
 */
export class NetProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #target: ProxyTarget;
  readonly #links = new Set<Link>();
  #fault: ProxyFault = { kind: 'none' };
  #cut: { readonly octets: number; readonly done: () => void } | undefined;
  #muting: { readonly parts: readonly Buffer[]; readonly done: () => void } | undefined;

  private constructor(server: Server, target: ProxyTarget) {
    this.#server = server;
    this.#target = target;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (client) => {
      this.#accept(client);
    });
  }

  static async open(target: ProxyTarget): Promise<NetProxy> {
    const server = createServer({ noDelay: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new NetProxy(server, target);
  }

  get fault(): ProxyFault {
    return this.#fault;
  }

  set fault(fault: ProxyFault) {
    this.#fault = fault;
    this.#muting = undefined;
    for (const link of this.#links) this.#hold(link);
  }

  #hold({ client, server }: Link): void {
    const { kind } = this.#fault;
    if (kind === 'black-hole') client.pause();
    else client.resume();
    if (kind === 'black-hole' || kind === 'mute') server.pause();
    else server.resume();
  }

  /** Cuts all connections, without a word. */
  cutAll(): void {
    for (const link of this.#links) this.#end(link);
  }

  /**
   * Of the next reply on any connection only so many octets pass, then that connection is cut. What was asked has been
   * carried out: only the word of it is lost.
   */
  cutNextReply(octets: number): Promise<void> {
    return new Promise((done) => {
      this.#cut = { octets, done };
    });
  }

  /**
   * Passes on the next request that has all of these octets in it and is mute from then on: it is carried out, and who
   * asked hears nothing, nor can ask what became of it. Resolves then.
   */
  muteAfter(parts: readonly Buffer[]): Promise<void> {
    return new Promise((done) => {
      this.#muting = { parts, done };
    });
  }

  get connections(): number {
    return this.#links.size;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.cutAll();
    await closed;
  }

  #accept(client: Socket): void {
    client.on('error', () => undefined);
    if (this.#fault.kind === 'refuse') {
      client.resetAndDestroy();
      return;
    }
    const server = connect(this.#target);
    server.setNoDelay(true);
    const link: Link = { client, server, pending: new Set() };
    this.#links.add(link);
    server.on('error', () => undefined);
    for (const socket of [client, server]) socket.on('close', () => this.#end(link));
    this.#pass(link, client, server, (piece) => this.#noteRequest(piece));
    this.#pass(link, server, client, (piece) => this.#cutReply(link, piece));
    if (this.#fault.kind === 'black-hole' || this.#fault.kind === 'mute') this.#hold(link);
  }

  /** Pieces keep their order whatever holds them up. */
  #pass(link: Link, from: Socket, to: Socket, shape: (piece: Buffer) => Buffer | undefined): void {
    let freeAt = 0;
    from.on('data', (piece: Buffer) => {
      const shaped = shape(piece);
      if (shaped === undefined) return;
      const now = performance.now();
      freeAt =
        Math.max(freeAt, now) +
        (this.#fault.kind === 'throttle' ? (1000 * piece.length) / this.#fault.octetsPerSecond : 0);
      const at = Math.max(freeAt, this.#fault.kind === 'delay' ? now + this.#fault.ms : now);
      freeAt = at;
      if (at <= now && link.pending.size === 0) write(from, to, shaped);
      else {
        const timer = setTimeout(() => {
          link.pending.delete(timer);
          write(from, to, shaped);
        }, at - now);
        link.pending.add(timer);
      }
    });
  }

  #noteRequest(piece: Buffer): Buffer {
    const muting = this.#muting;
    if (muting?.parts.every((part) => piece.includes(part)) === true) {
      this.fault = { kind: 'mute' };
      muting.done();
    }
    return piece;
  }

  #cutReply(link: Link, piece: Buffer): Buffer | undefined {
    const cut = this.#cut;
    if (cut === undefined) return piece;
    this.#cut = undefined;
    if (cut.octets > 0) link.client.write(piece.subarray(0, cut.octets));
    // What was written goes out before the connection does.
    setImmediate(() => {
      this.#end(link);
      cut.done();
    });
    return undefined;
  }

  #end(link: Link): void {
    if (!this.#links.delete(link)) return;
    for (const timer of link.pending) clearTimeout(timer);
    link.client.destroy();
    link.server.destroy();
  }
}

function write(from: Socket, to: Socket, octets: Buffer): void {
  if (to.destroyed || to.write(octets)) return;
  from.pause();
  to.once('drain', () => from.resume());
}
