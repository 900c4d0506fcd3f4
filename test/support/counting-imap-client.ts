import { connect, type Socket } from 'node:net';
import { once } from 'node:events';

/** As much of the end of an answer as its last line may take. */
const TAIL_OCTETS = 1024;
const READ_OCTETS = 256 * 1024;

/** What came back for a command. */
export interface CountedAnswer {
  readonly octets: number;
  /** The last line, without its tag. */
  readonly tagged: string;
  /** Octets of the last line, which tags make longer or shorter. */
  readonly line: number;
}

/**
 * A client that looks at no more of an answer than its end, so that hardly anything of its own work is measured. No
 * answer may hold the tagged line of its command in a literal.
 */
export class CountingImapClient {
  readonly #socket: Socket;
  #tag = 0;
  #octets = 0;
  #tail = '';
  #awaited: { readonly tag: string; readonly resolve: (answer: CountedAnswer) => void } | undefined;
  #fail: ((error: Error) => void) | undefined;

  private constructor(host: string, port: number) {
    // One buffer for all that comes: whoever is measured in the same process pays for no other.
    const buffer = Buffer.allocUnsafeSlow(READ_OCTETS);
    const callback = (octets: number): boolean => {
      this.#take(buffer.subarray(0, octets));
      return true;
    };
    this.#socket = connect({ port, host, onread: { buffer, callback } });
    this.#socket.on('close', () => this.#fail?.(new Error('the server closed the connection')));
  }

  static async login(
    at: { readonly host: string; readonly port: number },
    username: string,
    password: string,
  ): Promise<CountingImapClient> {
    const client = new CountingImapClient(at.host, at.port);
    await once(client.#socket, 'connect');
    await client.ok(`LOGIN "${username}" "${password}"`);
    return client;
  }

  /** @throws where it is not answered with OK */
  async ok(command: string): Promise<CountedAnswer> {
    this.#tag += 1;
    const tag = `c${String(this.#tag)}`;
    this.#octets = 0;
    const answer = new Promise<CountedAnswer>((resolve, reject) => {
      this.#awaited = { tag, resolve };
      this.#fail = reject;
    });
    this.#socket.write(`${tag} ${command}\r\n`);
    const counted = await answer;
    const { tagged } = counted;
    if (!tagged.startsWith('OK')) throw new Error(`${command}: ${tagged}`);
    return counted;
  }

  close(): void {
    this.#fail = undefined;
    this.#socket.destroy();
  }

  #take(octets: Buffer): void {
    this.#octets += octets.length;
    const end = octets.toString('latin1', Math.max(0, octets.length - TAIL_OCTETS));
    this.#tail = (this.#tail + end).slice(-TAIL_OCTETS);
    if (!this.#tail.endsWith('\r\n')) return;
    const line = this.#tail.slice(this.#tail.lastIndexOf('\n', this.#tail.length - 2) + 1, -2);
    const awaited = this.#awaited;
    if (awaited === undefined || !line.startsWith(`${awaited.tag} `)) return;
    this.#awaited = undefined;
    awaited.resolve({ octets: this.#octets, tagged: line.slice(awaited.tag.length + 1), line: line.length });
  }
}
