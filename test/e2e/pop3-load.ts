import { createHash, randomInt } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { ConnectOptions } from '../support/line-client.ts';
import { Pop3Client } from '../support/pop3-client.ts';

/** What one message must be, where that is known by its subject. */
export interface KnownMessage {
  readonly user: string;
  readonly octets: Buffer;
  /** With trace fields before the octets. */
  readonly isDelivery: boolean;
}

export interface Pop3LoadOptions {
  readonly at: ConnectOptions;
  readonly users: readonly string[];
  readonly password: string;
  readonly clients: number;
  /** Mean pause between two rounds of LIST, UIDL and RETR, in milliseconds. */
  readonly pauseMs: number;
  /** Acknowledged messages, by subject. */
  readonly known: ReadonlyMap<string, KnownMessage>;
}

/** A log-in costs more than all that a session asks; mail programs that stay do so about as long. */
const ROUNDS_A_SESSION = 8;

/**
 * POP3 clients that come again when they lose their connection: everything acknowledged before a session began is in its
 * LIST, a UIDL names the same octets for ever, and what RETR gives is what was acknowledged.
 */
export class Pop3Load {
  readonly #options: Pop3LoadOptions;
  readonly #running: readonly Promise<void>[];
  /** By user and UIDL: the hash of what RETR gave the first time. */
  readonly #seen = new Map<string, string>();
  /** Answers that are wrong, whatever was killed. */
  readonly odd: string[] = [];
  #reconnects: number[] = [];
  #commands = 0;
  #connected = 0;
  #retrieved = 0;
  #isOver = false;

  constructor(options: Pop3LoadOptions) {
    this.#options = options;
    this.#running = Array.from({ length: options.clients }, (_, n) => this.#live(n));
  }

  /** Messages whose octets were compared. */
  get retrieved(): number {
    return this.#retrieved;
  }

  async allConnected(): Promise<void> {
    while (this.#connected < this.#options.clients) await wait(20);
  }

  /** What happened since it was asked the last time. */
  take(): { readonly reconnects: readonly number[]; readonly commands: number } {
    const taken = { reconnects: this.#reconnects, commands: this.#commands };
    this.#reconnects = [];
    this.#commands = 0;
    return taken;
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#running);
  }

  async #live(n: number): Promise<void> {
    const { at, users, password, pauseMs } = this.#options;
    const user = users[n % users.length] ?? '';
    let lostAt: number | undefined;
    let isConnected = false;
    const note = (isIn: boolean): void => {
      if (isIn !== isConnected) this.#connected += isIn ? 1 : -1;
      isConnected = isIn;
    };
    while (!this.#isOver) {
      let client: Pop3Client | undefined;
      try {
        client = await Pop3Client.connect(at);
        const promised = this.#promisedTo(user);
        await client.ok(`USER ${user}`);
        await client.ok(`PASS ${password}`);
        if (lostAt !== undefined) this.#reconnects.push(performance.now() - lostAt);
        lostAt = undefined;
        note(true);
        for (let round = 0; round < ROUNDS_A_SESSION && !this.#hasEnded(); round += 1) {
          await this.#round(client, user, promised);
          await wait(randomInt(pauseMs * 2) + 1);
        }
        // The next session follows at once: it stays counted as connected.
        await client.ok('QUIT');
      } catch (error) {
        lostAt ??= performance.now();
        note(false);
        if (/-ERR (?!\[(SYS\/TEMP|IN-USE|LOGIN-DELAY)\])/.test(String(error))) this.odd.push(String(error));
        await wait(randomInt(20, 100));
      } finally {
        client?.lines.destroy();
      }
    }
    note(false);
  }

  #hasEnded(): boolean {
    return this.#isOver;
  }

  #promisedTo(user: string): number {
    let count = 0;
    for (const message of this.#options.known.values()) if (message.user === user) count += 1;
    return count;
  }

  async #round(client: Pop3Client, user: string, promised: number): Promise<void> {
    const list = linesOf(await client.multiLine('LIST'));
    const uidl = linesOf(await client.multiLine('UIDL'));
    this.#commands += 2;
    if (list.length < promised) this.odd.push(`${user}: ${String(list.length)} of ${String(promised)} messages`);
    if (uidl.length !== list.length || new Set(uidl.map(([, id]) => id)).size !== uidl.length)
      this.odd.push(`${user}: LIST has ${String(list.length)} messages, UIDL ${String(uidl.length)}`);
    const chosen = list.length === 0 ? undefined : list[randomInt(list.length)];
    if (chosen === undefined) return;
    const [number = '', size = ''] = chosen;
    const octets = await client.multiLine(`RETR ${number}`);
    this.#commands += 1;
    if (octets.length !== Number(size))
      this.odd.push(`${user}: ${size} octets announced, ${String(octets.length)} came`);
    this.#compare(user, uidl.find(([at]) => at === number)?.[1] ?? '', octets);
  }

  #compare(user: string, uidl: string, octets: Buffer): void {
    const hash = createHash('sha256').update(octets).digest('hex');
    const key = `${user} ${uidl}`;
    if ((this.#seen.get(key) ?? hash) !== hash) this.odd.push(`${key} names other octets than before`);
    this.#seen.set(key, hash);
    const id = /^Subject: (\S+)\r$/m.exec(octets.toString('latin1'))?.[1] ?? '';
    const known = this.#options.known.get(id);
    if (known === undefined) return;
    const own = known.isDelivery ? octets.subarray(octets.length - known.octets.length) : octets;
    if (known.user !== user || !own.equals(known.octets)) this.odd.push(`${id} of ${user}: other octets by RETR`);
    this.#retrieved += 1;
  }
}

function linesOf(octets: Buffer): string[][] {
  return octets
    .toString('latin1')
    .split('\r\n')
    .filter((line) => line !== '')
    .map((line) => line.split(' '));
}
