import type { Socket } from 'node:net';
import { MAX_MESSAGE_OCTETS } from '../commands/hello.ts';
import { HEADER_OCTETS, parseMessage, readHeader, replyPieces, type Message } from './message.ts';
import { TransferredOctets } from '../../kernel/transferred-octets.ts';

/** What a connection hands its messages to. */
export interface MessageSink {
  /** @param reply to be called once, with the document to answer with */
  accept(connection: Connection, message: Message, reply: (document: Buffer) => void): void;
  /** The octets were no message: the connection has been closed. */
  rejected(connection: Connection, error: unknown): void;
  /** The client has read its replies: what waited for that may begin. */
  drained(connection: Connection): void;
  /** The connection has ended, for whatever reason; replies go nowhere any more. */
  closed(connection: Connection): void;
}

/** So many messages of a client are taken before the first of them is answered; drivers send one. */
const MAX_UNANSWERED = 64;

let nextReplyId = 1;
const transferred = new TransferredOctets();

/** One client: octets into messages, documents into replies. A client that does not read is not read from. */
export class Connection {
  readonly id: number;
  readonly #socket: Socket;
  readonly #sink: MessageSink;
  #header: Buffer = Buffer.alloc(0);
  /** The message that is arriving, as long as its header said, so that it is never copied together. */
  #message: Buffer | undefined;
  #filled = 0;
  #isFull = false;
  /** Octets that have arrived and wait for that to end. */
  #rest: Buffer | undefined;
  /** Messages that are not answered yet, and their octets. */
  #unanswered = 0;
  #unansweredOctets = 0;

  constructor(id: number, socket: Socket, sink: MessageSink) {
    this.id = id;
    this.#socket = socket;
    this.#sink = sink;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('drain', () => {
      this.#isFull = false;
      sink.drained(this);
      this.#goOn();
    });
    // What went wrong with a peer shows in its `close`.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sink.closed(this));
  }

  close(): void {
    this.#socket.destroy();
  }

  /** True while the client does not read its replies; no further command of it is begun meanwhile. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** True while nothing more is taken from the client: it does not read its replies, or asks faster than is answered. */
  get #isStopped(): boolean {
    return this.#isFull || this.#unanswered >= MAX_UNANSWERED || this.#unansweredOctets >= MAX_MESSAGE_OCTETS;
  }

  #goOn(): void {
    if (this.#isStopped || this.#socket.destroyed) return;
    const rest = this.#rest;
    this.#rest = undefined;
    this.#socket.resume();
    if (rest !== undefined) this.#receive(rest);
  }

  #receive(chunk: Buffer): void {
    let position = 0;
    try {
      while (position < chunk.length && !this.#socket.destroyed && !this.#isStopped) {
        position = this.#consume(chunk, position);
      }
      if (position < chunk.length) this.#rest = chunk.subarray(position);
      if (this.#isStopped) this.#socket.pause();
    } catch (error) {
      this.#socket.destroy();
      this.#sink.rejected(this, error);
    }
  }

  #consume(chunk: Buffer, start: number): number {
    if (this.#message === undefined) {
      const wanted = HEADER_OCTETS - this.#header.length;
      const part = chunk.subarray(start, start + wanted);
      this.#header = this.#header.length === 0 ? part : Buffer.concat([this.#header, part]);
      if (this.#header.length < HEADER_OCTETS) {
        this.#header = Buffer.from(this.#header);
        return start + part.length;
      }
      const { length } = readHeader(this.#header);
      if (length < HEADER_OCTETS + 5 || length > MAX_MESSAGE_OCTETS) throw new Error(`a message of ${length} octets`);
      this.#message = Buffer.allocUnsafeSlow(length);
      this.#header.copy(this.#message);
      this.#filled = HEADER_OCTETS;
      this.#header = Buffer.alloc(0);
      return start + part.length;
    }
    const part = chunk.subarray(start, start + this.#message.length - this.#filled);
    part.copy(this.#message, this.#filled);
    this.#filled += part.length;
    if (this.#filled === this.#message.length) {
      const octets = this.#message;
      this.#message = undefined;
      transferred.add(octets.length);
      this.#accept(parseMessage(octets));
    }
    return start + part.length;
  }

  #accept(message: Message): void {
    const { length } = message.body.octets;
    this.#unanswered += 1;
    this.#unansweredOctets += length;
    this.#sink.accept(this, message, (document) => {
      if (this.#isStopped) setImmediate(() => this.#goOn());
      this.#unanswered -= 1;
      this.#unansweredOctets -= length;
      if (message.wantsReply) this.#send(replyPieces(message, nextReplyId++ | 0, document));
    });
  }

  #send(pieces: readonly Buffer[]): void {
    if (this.#socket.destroyed) return;
    this.#socket.cork();
    let isFull = false;
    for (const piece of pieces) {
      isFull = !this.#socket.write(piece);
      transferred.add(piece.length);
    }
    this.#socket.uncork();
    if (!isFull) return;
    this.#isFull = true;
    this.#socket.pause();
  }
}
