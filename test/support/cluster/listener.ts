import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { EngineLink } from './engine-link.ts';
import { MessageCutter, parseCommand, replyOctets, type WireCommand } from './wire.ts';
import type { Document } from 'mongodb';

/** A driver's connection to one member or router. */
export class ClientConnection {
  readonly id: number;
  readonly listener: Listener;
  readonly #socket: Socket;
  readonly #links = new Map<string, EngineLink>();

  constructor(id: number, listener: Listener, socket: Socket) {
    this.id = id;
    this.listener = listener;
    this.#socket = socket;
  }

  get isClosed(): boolean {
    return this.#socket.destroyed;
  }

  /** This client's own connection to the engine behind the socket. */
  linkTo(socketPath: string): EngineLink {
    let link = this.#links.get(socketPath);
    if (link === undefined) {
      link = new EngineLink(socketPath);
      this.#links.set(socketPath, link);
    }
    return link;
  }

  send(octets: Buffer): void {
    if (!this.#socket.destroyed) this.#socket.write(octets);
  }

  reply(command: WireCommand, document: Document, isStreaming = false): void {
    if (command.wantsReply) this.send(replyOctets(command, document, isStreaming));
  }

  cut(): void {
    this.#socket.destroy();
    for (const link of this.#links.values()) link.close();
  }
}

export type CommandSink = (connection: ClientConnection, command: WireCommand) => Promise<void>;

let connectionIds = 0;

/** One address that drivers connect to. It can go away and come back under the same port. */
export class Listener {
  readonly #accept: CommandSink;
  readonly #connections = new Set<ClientConnection>();
  #server: Server | undefined;
  port = 0;

  constructor(accept: CommandSink) {
    this.#accept = accept;
  }

  get address(): string {
    return `127.0.0.1:${String(this.port)}`;
  }

  get isListening(): boolean {
    return this.#server !== undefined;
  }

  async listen(): Promise<void> {
    const server = createServer((socket) => this.#connected(socket));
    server.listen(this.port, '127.0.0.1');
    await once(server, 'listening');
    this.#server = server;
    const address = server.address();
    if (typeof address === 'object' && address !== null) this.port = address.port;
  }

  /** As a process that dies: nobody is told, every connection breaks. */
  die(): void {
    this.#server?.close();
    this.#server = undefined;
    this.cutAll();
  }

  cutAll(): void {
    for (const connection of this.#connections) connection.cut();
  }

  #connected(socket: Socket): void {
    socket.setNoDelay(true);
    connectionIds += 1;
    const connection = new ClientConnection(connectionIds, this, socket);
    this.#connections.add(connection);
    const cutter = new MessageCutter();
    socket.on('error', () => undefined);
    socket.on('close', () => {
      connection.cut();
      this.#connections.delete(connection);
    });
    socket.on('data', (chunk: Buffer) => {
      for (const octets of cutter.push(chunk)) {
        // What an engine that goes away leaves unanswered, a connection that breaks answers.
        this.#accept(connection, parseCommand(octets)).catch(() => connection.cut());
      }
    });
  }
}
