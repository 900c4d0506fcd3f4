import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export interface ConnectOptions {
  readonly host: string;
  readonly port: number;
  readonly isTls?: boolean;
}

/** A raw socket that is read by lines and by counts of octets; the protocols' test clients stand on it. */
export class LineClient {
  #socket: Socket;
  #chunks: Buffer[] = [];
  #buffered = 0;
  #waiting: (() => void) | undefined;
  #isEnded = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen();
  }

  static async connect(options: ConnectOptions): Promise<LineClient> {
    const socket = options.isTls
      ? connectTls({ host: options.host, port: options.port, rejectUnauthorized: false })
      : connectTcp({ host: options.host, port: options.port });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.once(options.isTls ? 'secureConnect' : 'connect', () => {
        socket.off('error', reject);
        resolve();
      });
    });
    socket.setNoDelay(true);
    return new LineClient(socket);
  }

  get socket(): Socket {
    return this.#socket;
  }

  /** Begins TLS on the connection, once the server has agreed to it and said nothing more. */
  async startTls(): Promise<void> {
    if (this.#buffered > 0) throw new Error(`in clear: ${this.#take(this.#buffered).toString('latin1')}`);
    this.#socket.removeAllListeners();
    this.#socket = connectTls({ socket: this.#socket, rejectUnauthorized: false });
    this.#listen();
    await once(this.#socket, 'secureConnect');
  }

  #listen(): void {
    this.#socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#buffered += chunk.length;
      this.#wake();
    });
    const end = (): void => {
      this.#isEnded = true;
      this.#wake();
    };
    this.#socket.on('end', end);
    this.#socket.on('close', end);
    this.#socket.on('error', end);
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }

  async #more(): Promise<void> {
    if (this.#isEnded) throw new Error('the peer has closed the connection');
    await new Promise<void>((resolve) => {
      this.#waiting = resolve;
    });
  }

  #take(count: number): Buffer {
    const all = this.#chunks.length === 1 ? (this.#chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(this.#chunks);
    const rest = all.subarray(count);
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#buffered = rest.length;
    return all.subarray(0, count);
  }

  /** The next line without its CRLF, as latin1. */
  async line(): Promise<string> {
    for (let scanned = 0; ;) {
      let offset = 0;
      for (const chunk of this.#chunks) {
        if (offset + chunk.length > scanned) {
          const at = chunk.indexOf(10, Math.max(0, scanned - offset));
          if (at >= 0) {
            const line = this.#take(offset + at + 1);
            return line.toString('latin1').replace(/\r?\n$/, '');
          }
        }
        offset += chunk.length;
      }
      scanned = offset;
      await this.#more();
    }
  }

  async octets(count: number): Promise<Buffer> {
    while (this.#buffered < count) await this.#more();
    return this.#take(count);
  }

  /** Everything until the peer closes. */
  async rest(): Promise<Buffer> {
    while (!this.#isEnded) await this.#more().catch(() => undefined);
    return this.#take(this.#buffered);
  }

  /** Writes with back-pressure. */
  async write(octets: Buffer | string): Promise<void> {
    const chunk = typeof octets === 'string' ? Buffer.from(octets, 'latin1') : octets;
    // Whoever writes to a connection that has ended learns of it by reading.
    if (this.#socket.destroyed || this.#socket.write(chunk)) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#socket.off('drain', done);
        this.#socket.off('close', done);
        resolve();
      };
      this.#socket.once('drain', done);
      this.#socket.once('close', done);
    });
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
