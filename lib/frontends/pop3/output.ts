import type { Socket } from 'node:net';

/** Octets gathered before they are handed to the socket. */
const GATHERED = 64 * 1024;

/**
 * What leaves a connection: gathered while a turn lasts, written at once, and no faster than the client reads.
 */
export class Output {
  #socket: Socket;
  #pending: Buffer[] = [];
  #length = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** From now on octets go to another socket; what was gathered must have been flushed. */
  moveTo(socket: Socket): void {
    this.#socket = socket;
  }

  /** @returns what to await before more is added; undefined where there is room */
  add(octets: Buffer | string): Promise<void> | undefined {
    const buffer = typeof octets === 'string' ? Buffer.from(octets, 'utf8') : octets;
    if (buffer.length === 0) return undefined;
    this.#pending.push(buffer);
    this.#length += buffer.length;
    return this.#length < GATHERED ? undefined : this.flush();
  }

  /** Hands over what was gathered. Resolves when the client has taken enough of it, or is gone. */
  flush(): Promise<void> | undefined {
    if (this.#length === 0 || this.#socket.destroyed || !this.#socket.writable) return undefined;
    const [first] = this.#pending;
    const octets = this.#pending.length === 1 && first !== undefined ? first : Buffer.concat(this.#pending);
    this.#pending = [];
    this.#length = 0;
    return this.#socket.write(octets) ? undefined : drained(this.#socket);
  }

  /** Resolves when everything has been handed to the system. */
  async written(): Promise<void> {
    await this.flush();
    const socket = this.#socket;
    if (socket.writableLength === 0 || socket.destroyed) return;
    await new Promise<void>((resolve) => {
      socket.write('', () => {
        resolve();
      });
    });
  }
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.on('drain', done);
    socket.on('close', done);
  });
}
