import { connect, type Socket } from 'node:net';
import type { Document } from 'mongodb';
import { MessageCutter, replyDocument, requestOctets } from './wire.ts';

const MORE_TO_COME = 2;

interface Waiting {
  readonly requestId: number;
  readonly resolve: (reply: Buffer) => void;
  readonly reject: (error: Error) => void;
}

/** One connection to an engine, over which messages of any client may go. */
export class EngineLink {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #isClosed = false;

  constructor(socketPath: string) {
    this.#socket = connect(socketPath);
    this.#socket.setNoDelay(true);
    const cutter = new MessageCutter();
    this.#socket.on('data', (chunk: Buffer) => {
      for (const reply of cutter.push(chunk)) this.#answer(reply);
    });
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => {
      this.#isClosed = true;
      for (const { reject } of this.#waiting.values()) reject(new Error('the engine closed the connection'));
      this.#waiting.clear();
    });
  }

  /** @returns the reply as octets, answering the message's own id */
  exchange(octets: Buffer): Promise<Buffer> {
    if (this.#isClosed) return Promise.reject(new Error('the engine has closed the connection'));
    this.#lastId += 1;
    const id = this.#lastId;
    const copy = Buffer.from(octets);
    copy.writeInt32LE(id, 4);
    // Whoever wants no reply gets none, but it is known here when the command is done.
    copy.writeUInt32LE(copy.readUInt32LE(16) & ~MORE_TO_COME, 16);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { requestId: octets.readInt32LE(4), resolve, reject });
      this.#socket.write(copy);
    });
  }

  /** Runs a command of our own. */
  async run(db: string, command: Document): Promise<Document> {
    return replyDocument(await this.exchange(requestOctets(db, command)));
  }

  close(): void {
    this.#isClosed = true;
    this.#socket.destroy();
  }

  #answer(reply: Buffer): void {
    const id = reply.readInt32LE(8);
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    reply.writeInt32LE(waiting.requestId, 8);
    waiting.resolve(reply);
  }
}
