import { randomBytes, randomInt } from 'node:crypto';
import { chmodSync, linkSync, renameSync, statSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { parseAccountId, type AccountId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/logger.ts';
import { HintListeners, type Hints } from './hints.ts';

export interface SocketHintsOptions {
  /** Path of the Unix socket, at most 80 octets, in a directory that only this user can enter. */
  readonly path: string;
  readonly logger: Logger;
  /** How often a relay looks whether the path still leads to itself, in milliseconds. */
  readonly checkMs?: number;
}

const LONGEST_LINE = 64;
const MOST_PEERS = 256;
/** What a peer that does not read may leave waiting; it is cut off then, connects again and looks anew. */
const MOST_UNREAD = 1024 * 1024;
const FIRST_RETRY_MS = 20;
const LONGEST_RETRY_MS = 1000;

/**
 * Hints between processes of one machine. Whoever binds the socket relays lines `account q` to all the others; when
 * it goes, one of them takes its place. After each new connection listeners are told that hints may be missing.
 */
export async function createSocketHints(options: SocketHintsOptions): Promise<Hints> {
  const hints = new SocketHints(options);
  await hints.join();
  return hints;
}

class SocketHints implements Hints {
  readonly #options: SocketHintsOptions;
  readonly #listeners = new HintListeners();
  #relay: Relay | undefined;
  #upstream: Socket | undefined;
  #retry: NodeJS.Timeout | undefined;
  #retryMs = FIRST_RETRY_MS;
  #isClosed = false;

  constructor(options: SocketHintsOptions) {
    if (Buffer.byteLength(options.path) > 80)
      throw new RangeError('the path of the hint socket is too long for this system');
    this.#options = options;
  }

  publish(account: AccountId, q: number): void {
    this.#listeners.tell(account, q);
    const line = `${account} ${q}\n`;
    if (this.#relay !== undefined) this.#relay.send(line, undefined);
    else if (this.#upstream !== undefined && this.#upstream.writableLength < MOST_UNREAD) this.#upstream.write(line);
  }

  subscribe(account: AccountId, listener: (q: number) => void): () => void {
    return this.#listeners.subscribe(account, listener);
  }

  onReset(listener: () => void): () => void {
    return this.#listeners.onReset(listener);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    this.#upstream?.destroy();
    await this.#relay?.close();
  }

  /** Connects to the relay, or becomes it. */
  async join(): Promise<void> {
    if (this.#isClosed) return;
    const upstream = await connected(this.#options.path);
    if (upstream !== undefined) this.#follow(upstream);
    else await this.#becomeRelay();
  }

  #follow(upstream: Socket): void {
    this.#upstream = upstream;
    readHints(upstream, (account, q) => this.#listeners.tell(account, q));
    upstream.on('close', () => {
      this.#upstream = undefined;
      this.#joinLater();
    });
    upstream.unref();
    this.#retryMs = FIRST_RETRY_MS;
    this.#listeners.reset();
  }

  async #becomeRelay(): Promise<void> {
    try {
      const relay = await Relay.bind(this.#options, {
        onHint: (account, q) => this.#listeners.tell(account, q),
        onReplaced: () => {
          this.#relay = undefined;
          this.#joinLater();
        },
      });
      if (relay === undefined) {
        this.#joinLater();
        return;
      }
      this.#relay = relay;
      if (this.#isClosed) await relay.close();
      this.#retryMs = FIRST_RETRY_MS;
      this.#listeners.reset();
    } catch (error) {
      this.#options.logger.warn(
        { error: String(error) },
        'hints between processes are not available; changes are noticed later',
      );
      this.#joinLater();
    }
  }

  #joinLater(): void {
    if (this.#isClosed || this.#retry !== undefined) return;
    const delay = randomInt(Math.ceil(this.#retryMs / 2), Math.ceil(this.#retryMs * 1.5));
    this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      void this.join();
    }, delay);
    this.#retry.unref();
  }
}

interface RelayEvents {
  readonly onHint: (account: AccountId, q: number) => void;
  readonly onReplaced: () => void;
}

/** The process that all others are connected to. */
class Relay {
  readonly #server: Server;
  readonly #path: string;
  readonly #inode: bigint;
  readonly #peers = new Set<Socket>();
  readonly #check: NodeJS.Timeout;

  private constructor(server: Server, { path, checkMs = 5000 }: SocketHintsOptions, events: RelayEvents) {
    this.#server = server;
    this.#path = path;
    this.#inode = inodeOf(path) ?? 0n;
    server.on('connection', (peer) => this.#welcome(peer, events));
    // Two may find a dead socket at once; the path leads to the later, and the earlier steps back.
    this.#check = setInterval(() => {
      if (inodeOf(path) === this.#inode) return;
      void this.close().then(events.onReplaced);
    }, checkMs);
    this.#check.unref();
    server.unref();
  }

  /** Undefined where another was faster. */
  static async bind(options: SocketHintsOptions, events: RelayEvents): Promise<Relay | undefined> {
    const temporary = join(dirname(options.path), `.h${randomBytes(4).toString('hex')}`);
    const server = createServer();
    await listening(server, temporary);
    chmodSync(temporary, 0o600);
    try {
      linkSync(temporary, options.path);
      unlinkSync(temporary);
    } catch {
      // Something is there: if nobody answers it is left over, and this one takes its place.
      const alive = await connected(options.path);
      alive?.destroy();
      if (alive !== undefined) {
        server.close();
        return undefined;
      }
      renameSync(temporary, options.path);
    }
    return new Relay(server, options, events);
  }

  send(line: string, except: Socket | undefined): void {
    for (const peer of this.#peers) {
      if (peer === except) continue;
      if (peer.writableLength > MOST_UNREAD) peer.destroy();
      else peer.write(line);
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#check);
    // Removed first, so that the others find the place free when their connection ends.
    if (inodeOf(this.#path) === this.#inode) unlinkSync(this.#path);
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const peer of this.#peers) peer.destroy();
    await closed;
  }

  #welcome(peer: Socket, { onHint }: RelayEvents): void {
    if (this.#peers.size >= MOST_PEERS) {
      peer.destroy();
      return;
    }
    this.#peers.add(peer);
    peer.on('close', () => this.#peers.delete(peer));
    peer.unref();
    readHints(peer, (account, q, line) => {
      onHint(account, q);
      this.send(line, peer);
    });
  }
}

/** Lines that are no hints end the connection: nothing else has business here. */
function readHints(socket: Socket, take: (account: AccountId, q: number, line: string) => void): void {
  let rest = '';
  socket.setEncoding('latin1');
  socket.on('error', () => socket.destroy());
  socket.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const [id = '', number = ''] = line.split(' ');
      const account = parseAccountId(id);
      if (account === undefined || !/^\d{1,15}$/.test(number)) {
        socket.destroy();
        return;
      }
      take(account, Number(number), `${account} ${number}\n`);
    }
    if (rest.length > LONGEST_LINE) socket.destroy();
  });
}

function connected(path: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(socket));
    socket.once('error', () => resolve(undefined));
  });
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function inodeOf(path: string): bigint | undefined {
  try {
    return statSync(path, { bigint: true }).ino;
  } catch {
    return undefined;
  }
}
