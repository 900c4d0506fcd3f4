import type { Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import { ConnectionLost } from '../wire/faults.ts';
import { Input } from '../wire/input.ts';
import { Output, type OutputMarks } from '../wire/output.ts';

/** What arrives while no command takes it. */
const INPUT_OCTETS = 64 * 1024;
/** How long a peer that was told BYE may take to hang up. */
const LINGER_MS = 5000;

/** A socket with its input and output, before and after TLS begins. */
export class Transport {
  #socket: Socket;
  #isSecure = false;
  readonly input: Input;
  readonly output: Output;
  readonly #onActivity: () => void;
  readonly #onClose: () => void;
  #hasClosed = false;
  #linger: NodeJS.Timeout | undefined;

  constructor(
    socket: Socket,
    marks: OutputMarks,
    listeners: {
      readonly onActivity: () => void;
      readonly onClose: () => void;
      readonly onOverflow: (reason: string) => void;
    },
  ) {
    this.#socket = socket;
    this.#onActivity = listeners.onActivity;
    this.#onClose = listeners.onClose;
    this.input = new Input({ pause: () => this.#socket.pause(), resume: () => this.#socket.resume() }, INPUT_OCTETS);
    this.output = new Output(socket, marks, listeners.onOverflow);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 120_000);
    socket.on('close', () => this.#closed());
    socket.on('error', () => socket.destroy());
    this.#listen(socket);
  }

  get isSecure(): boolean {
    return this.#isSecure;
  }

  /**
   * Begins TLS as the server. What the peer sent before belongs to nobody any more and is dropped, or it could be
   * taken for something said under TLS.
   * @param isFirst nothing was said before: what is there already is the peer's part of the handshake
   * @throws ConnectionLost where the handshake fails
   */
  async secure(context: SecureContext, { isFirst }: { readonly isFirst: boolean }): Promise<void> {
    const plain = this.#socket;
    plain.removeAllListeners('data');
    plain.removeAllListeners('end');
    plain.removeAllListeners('drain');
    plain.pause();
    this.output.flush();
    // Under TLS writes go past what still waits here.
    await new Promise<void>((resolve) => {
      plain.write('', () => {
        resolve();
      });
    });
    while (!isFirst && plain.read() !== null) continue;
    this.input.clear();
    if (this.#hasClosed) throw new ConnectionLost('Connection is closed');
    const secured = new TLSSocket(plain, { isServer: true, secureContext: context });
    secured.on('error', () => secured.destroy());
    secured.on('close', () => {
      plain.destroy();
      this.#closed();
    });
    this.#socket = secured;
    this.#isSecure = true;
    this.output.attach(secured);
    this.#listen(secured);
    await new Promise<void>((resolve, reject) => {
      const fail = (): void => {
        reject(new ConnectionLost('TLS handshake failed'));
      };
      secured.once('secure', resolve);
      secured.once('close', fail);
      // A half-open connection is of no use before there is TLS.
      secured.once('end', fail);
    });
  }

  /** Sends what waits and hangs up; a peer that does not follow is cut off. */
  end(): void {
    if (this.#linger !== undefined || this.#hasClosed) return;
    this.output.flush();
    this.output.close();
    this.#socket.end();
    this.input.end();
    this.#socket.removeAllListeners('data');
    this.#socket.resume();
    this.#linger = setTimeout(() => {
      this.destroy();
    }, LINGER_MS);
  }

  destroy(): void {
    this.#socket.destroy();
    this.#closed();
  }

  #listen(socket: Socket): void {
    socket.on('data', (octets: Buffer) => {
      this.#onActivity();
      this.input.feed(octets);
    });
    socket.on('end', () => {
      this.input.end();
    });
    socket.on('drain', () => {
      this.output.drained();
    });
  }

  #closed(): void {
    if (this.#hasClosed) return;
    this.#hasClosed = true;
    clearTimeout(this.#linger);
    this.input.end();
    this.output.close();
    this.#onClose();
  }
}
