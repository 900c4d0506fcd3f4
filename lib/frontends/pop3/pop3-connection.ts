import type { Socket } from 'node:net';
import { TLSSocket, type SecureContext } from 'node:tls';
import { isLoopback } from '../../kernel/loopback.ts';
import type { User } from '../../accounts/index.ts';
import type { SessionLease } from '../../auth/index.ts';
import type { Answer, Pop3Rooms } from './command.ts';
import { LineInput, type Line } from './line-input.ts';
import { Output } from './output.ts';
import { Turn } from './turn.ts';
import { Pop3Session, type SessionAnswer, type SessionSocket } from './session.ts';
import type { Pop3Settings } from './settings.ts';

/** What a connection needs of its server. */
export interface ConnectionHost {
  readonly rooms: Pop3Rooms;
  readonly secureContext: (() => SecureContext) | undefined;
  settings(): Pop3Settings;
  /** @throws MailError `limit` where the user has too many sessions already */
  admit(user: User): Promise<SessionLease>;
  /** A command has come. */
  countCommand(): void;
  loggedIn(connection: Pop3Connection): void;
  closed(connection: Pop3Connection): void;
}

/** How long a client that was told goodbye may take to close its side, in milliseconds. */
const LINGER = 2000;

type Challenge = Extract<Answer, { kind: 'challenge' }>;

/** One client: its socket, its lines, its answers. Reads no further while a command runs or the client does not read. */
export class Pop3Connection implements SessionSocket {
  readonly remoteAddress: string;
  readonly #host: ConnectionHost;
  readonly #session: Pop3Session;
  readonly #input = new LineInput();
  readonly #output: Output;
  readonly #turn: Turn;
  readonly #loginTimer: NodeJS.Timeout;
  #socket: Socket;
  #isSecure = false;
  #isBusy = false;
  #isClosing = false;
  #wantsTls = false;
  #isGreeted = false;
  #challenge: Challenge | undefined;
  #badCommands = 0;
  #admitted: { readonly user: User; readonly lease: SessionLease } | undefined;
  #hasClosed = false;

  constructor(host: ConnectionHost, socket: Socket, remoteAddress: string) {
    this.#host = host;
    this.#socket = socket;
    this.#output = new Output(socket);
    this.#turn = new Turn(host.rooms.clock);
    this.remoteAddress = remoteAddress;
    this.#session = new Pop3Session(host.rooms, this);
    this.#loginTimer = setTimeout(() => {
      this.#sayGoodbye('Log in faster');
    }, host.settings().loginTimeout);
    this.#listen(socket);
  }

  /** Greets; over implicit TLS after the handshake. */
  start(isImplicitTls: boolean): void {
    if (isImplicitTls) this.#secure();
    else this.#greet();
  }

  /** True while no command is under way. */
  get isIdle(): boolean {
    return !this.#isBusy;
  }

  /** Ends the connection between two commands; one that runs is answered first. */
  drain(): void {
    this.#isClosing = true;
    if (!this.#isBusy) this.#sayShuttingDown();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  get isSecure(): boolean {
    return this.#isSecure;
  }

  get maySecure(): boolean {
    return this.#host.secureContext !== undefined;
  }

  get mayLogIn(): boolean {
    return this.#isSecure || (this.#host.settings().allowPlaintextOnLoopback && isLoopback(this.remoteAddress));
  }

  loggedIn(): void {
    clearTimeout(this.#loginTimer);
    this.#badCommands = 0;
    this.#host.loggedIn(this);
  }

  startTls(): void {
    this.#wantsTls = true;
  }

  async admit(user: User): Promise<void> {
    if (this.#admitted?.user.id === user.id) return;
    this.#admitted?.lease.release();
    this.#admitted = undefined;
    const lease = await this.#host.admit(user);
    if (this.#hasClosed) lease.release();
    else this.#admitted = { user, lease };
  }

  #listen(socket: Socket): void {
    socket.setTimeout(this.#host.settings().idleTimeout);
    socket.on('timeout', () => {
      this.#idle(socket);
    });
    socket.on('data', (chunk: Buffer) => {
      if (this.#isOver) return;
      this.#input.push(chunk);
      if (!this.#isBusy) void this.#work();
    });
    // Whatever went wrong with the peer ends in `close`.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (socket === this.#socket) this.#closed();
    });
  }

  #closed(): void {
    clearTimeout(this.#loginTimer);
    this.#input.clear();
    this.#hasClosed = true;
    this.#admitted?.lease.release();
    this.#host.closed(this);
  }

  /** RFC 1939 section 3: the session ends without an update, and without a word that a client would misplace. */
  #idle(socket: Socket): void {
    const waitsForUs = this.#isBusy && socket.writableLength === 0;
    if (waitsForUs) socket.setTimeout(this.#host.settings().idleTimeout);
    else socket.destroy();
  }

  #greet(): void {
    this.#isGreeted = true;
    void this.#output.add('+OK Eider ready\r\n');
    void this.#output.flush();
  }

  /** Takes lines until there are none; answers what was pipelined in one write. */
  async #work(): Promise<void> {
    this.#isBusy = true;
    this.#turn.begin();
    this.#socket.pause();
    try {
      for (;;) {
        const line = this.#isOver ? undefined : this.#input.next(this.#lineLimit);
        if (line === undefined) break;
        await this.#handle(line);
        await this.#turn.end();
      }
      if (this.#isClosing) this.#sayShuttingDown();
      await this.#output.flush();
    } catch (error) {
      // A response broke off in its middle: anything said now would be taken for the rest of it.
      this.#host.rooms.logger.warn({ remoteAddress: this.remoteAddress, err: error }, 'POP3 connection broken off');
      this.#socket.destroy();
    } finally {
      this.#isBusy = false;
      this.#socket.resume();
      // Its turn may have come while the last answer was written.
      if (this.#isClosing) this.#sayShuttingDown();
    }
  }

  get #isOver(): boolean {
    return this.#socket.destroyed || !this.#socket.writable;
  }

  get #lineLimit(): number {
    const { maxLine, maxSaslResponse } = this.#host.settings();
    return this.#challenge === undefined ? maxLine : maxSaslResponse;
  }

  async #handle(line: Line): Promise<void> {
    if (line.kind === 'endless') {
      this.#sayGoodbye('Line too long');
      return;
    }
    this.#host.countCommand();
    const challenge = this.#challenge;
    this.#challenge = undefined;
    if (line.kind === 'too-long') await this.#send({ kind: 'bad', text: 'Line too long' });
    else if (challenge !== undefined)
      await this.#send(await this.#session.answerChallenge(challenge.answer, line.octets));
    else await this.#send(await this.#session.answer(line.octets));
    if (this.#wantsTls) await this.#beginTls();
  }

  async #send(answer: SessionAnswer): Promise<void> {
    switch (answer.kind) {
      case 'ok':
        await this.#output.add(`+OK ${answer.text}\r\n`);
        break;
      case 'refused':
        await this.#output.add(`-ERR ${answer.text}\r\n`);
        break;
      case 'bad':
        await this.#output.add(`-ERR ${answer.text}\r\n`);
        this.#countBadCommand();
        break;
      case 'lines':
        await this.#output.add(`+OK ${answer.text}\r\n`);
        for (const text of answer.lines) {
          const room = this.#output.add(`${text.startsWith('.') ? '.' : ''}${text}\r\n`);
          if (room !== undefined) await room;
          if (this.#turn.isLong) await this.#turn.end();
          if (this.#isOver) return;
        }
        await this.#output.add('.\r\n');
        break;
      case 'content':
        await this.#output.add(`+OK ${answer.text}\r\n`);
        for await (const chunk of answer.content) {
          await this.#output.add(chunk);
          if (this.#isOver) return;
        }
        break;
      case 'challenge':
        this.#challenge = answer;
        await this.#output.add('+ \r\n');
        break;
      case 'bye':
        this.#end(`${answer.isOk ? '+OK' : '-ERR'} ${answer.text}`);
        break;
      case 'hang-up':
        this.#leave();
        break;
    }
  }

  #countBadCommand(): void {
    this.#badCommands += 1;
    const { maxBadCommands, maxBadCommandsBeforeLogin } = this.#host.settings();
    const limit = this.#session.isLoggedIn ? maxBadCommands : maxBadCommandsBeforeLogin;
    if (this.#badCommands > limit) this.#sayGoodbye('Too many bad commands');
  }

  #sayShuttingDown(): void {
    this.#sayGoodbye('[SYS/TEMP] Shutting down, please try again later');
  }

  #sayGoodbye(text: string): void {
    if (this.#isSecure || !(this.#socket instanceof TLSSocket)) this.#end(`-ERR ${text}`);
    else this.#socket.destroy();
  }

  #end(line: string): void {
    if (this.#isOver) return;
    void this.#output.add(`${line}\r\n`);
    this.#leave();
  }

  /** Sends what was answered, then closes; input is read and dropped, for unread input would reset the connection. */
  #leave(): void {
    void this.#output.flush();
    this.#input.clear();
    const socket = this.#socket;
    const linger = (): void => {
      const timer = setTimeout(() => socket.destroy(), LINGER);
      socket.once('close', () => {
        clearTimeout(timer);
      });
    };
    socket.end(linger);
    socket.resume();
  }

  /** RFC 2595 section 4: what the client sent before the handshake is dropped, unread. */
  async #beginTls(): Promise<void> {
    this.#wantsTls = false;
    this.#input.clear();
    await this.#output.written();
    if (!this.#isOver) this.#secure();
  }

  #secure(): void {
    const context = this.#host.secureContext;
    if (context === undefined) throw new Error('TLS without a certificate');
    const plain = this.#socket;
    plain.removeAllListeners('data');
    plain.removeAllListeners('timeout');
    plain.setTimeout(0);
    // What has come already of an implicit handshake waits for the one who takes the socket over.
    plain.pause();
    const secure = new TLSSocket(plain, { isServer: true, secureContext: context() });
    this.#socket = secure;
    this.#output.moveTo(secure);
    this.#listen(secure);
    secure.on('_tlsError', () => secure.destroy());
    plain.on('close', () => secure.destroy());
    secure.once('secure', () => {
      this.#isSecure = true;
      this.#session.secured();
      if (!this.#isGreeted) this.#greet();
    });
  }
}
