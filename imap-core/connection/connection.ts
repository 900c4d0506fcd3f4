import type { Socket } from 'node:net';
import type { AnyContext, Command, ConnectionPort, Form, ImapLogger } from '../commands/command.ts';
import { BrokenResponse } from '../commands/fetch/write-messages.ts';
import { tellUpdates } from '../commands/tell-updates.ts';
import { capabilityText } from '../protocol/capabilities.ts';
import { responseText } from '../responses/text.ts';
import type { Peer } from '../session/backend.ts';
import type { Session } from '../session/session.ts';
import type { MailboxView } from '../view/mailbox-view.ts';
import { CommandReader, type ReadResult } from '../wire/command-reader.ts';
import type { CommandText } from '../wire/command-text.ts';
import type { Decoder } from '../wire/decoder.ts';
import { ConnectionLost, SyntaxFault } from '../wire/faults.ts';
import type { Output } from '../wire/output.ts';
import { turn } from '../wire/turn.ts';
import { type Answer, answerFailure, answerSuccess } from './answer.ts';
import { IncomingLiteral } from './incoming-literal.ts';
import { mayTellExpunge } from './overlap.ts';
import { commandLimits, judgeLiteral, readCommand, SKIPPED_OCTETS } from './read-command.ts';
import type { ConnectionSettings } from './settings.ts';
import { Transport } from './transport.ts';

/** Pipelined commands between two turns of the event loop. */

const COMMANDS_IN_TURN = 16;

export interface ConnectionListeners {
  readonly onAuthenticated: () => void;
  readonly onClosed: () => void;
}

/** One client: reads commands, runs them one after another, answers, and is told when to end. */
export class Connection implements ConnectionPort {
  readonly #settings: ConnectionSettings;
  readonly #listeners: ConnectionListeners;
  readonly #transport: Transport;
  readonly #reader: CommandReader;
  readonly #remoteAddress: string;
  readonly logger: ImapLogger;
  #session: Session | undefined;
  #view: MailboxView | undefined;
  #isCondstoreEnabled = false;
  #badCommands = 0;
  #commandsInTurn = 0;
  /** False while the client is waited for: then a BYE may be said at any time. */
  #isBusy = true;
  #endReason: string | undefined;
  #isEnding = false;
  #wantsTls = false;
  #wantsEnd = false;
  readonly #loginTimer: NodeJS.Timeout;
  readonly #idleTimer: NodeJS.Timeout;

  constructor(
    { socket, remoteAddress }: { readonly socket: Socket; readonly remoteAddress: string },
    settings: ConnectionSettings,
    listeners: ConnectionListeners,
  ) {
    const limits = settings.limits();
    this.#settings = settings;
    this.#listeners = listeners;
    this.logger = settings.logger;
    this.#remoteAddress = remoteAddress;
    this.#loginTimer = setTimeout(() => {
      this.#bye('Log-in takes too long');
    }, limits.loginMs);
    this.#idleTimer = setTimeout(() => {
      this.#idleTooLong();
    }, limits.idleMs);
    this.#transport = new Transport(
      socket,
      {
        pauseOctets: limits.outputPauseOctets,
        streamOctets: limits.outputStreamOctets,
        closeOctets: limits.outputCloseOctets,
        stallMs: limits.stallMs,
      },
      {
        onActivity: () => this.#idleTimer.refresh(),
        onClose: () => this.#closed(),
        onOverflow: (reason) => this.#cutOff(reason),
      },
    );
    this.#reader = new CommandReader(this.#transport.input, {
      continueLiteral: () => this.#prompt('OK'),
      judgeLiteral: (text, literal) => judgeLiteral(text, literal, this.#session !== undefined),
    });
  }

  /** Serves the client until it is gone; never rejects. */
  async serve(isImplicitTls: boolean): Promise<void> {
    try {
      if (isImplicitTls) await this.#secure({ isFirst: true });
      this.output.write(`* OK [CAPABILITY ${this.capabilities()}] IMAP server ready\r\n`);
      while (!this.#isEnding) await this.#serveCommand();
    } catch (error) {
      if (!(error instanceof ConnectionLost)) this.logger.error({ err: error }, 'connection failed unexpectedly');
      // Where BYE has been said, it is still on its way.
      if (!this.#isEnding) this.#transport.destroy();
    }
  }

  /** True while the client is waited for, in IDLE too. */
  get isIdle(): boolean {
    return !this.#isBusy;
  }

  /** Says BYE as soon as no command is under way. */
  end(reason: string): void {
    if (this.#isBusy) this.#endReason ??= reason;
    else this.#bye(reason);
  }

  /** Without a word. */
  destroy(): void {
    this.#transport.destroy();
  }

  // What commands see ---------------------------------------------------------------------------------------------

  get output(): Output {
    return this.#transport.output;
  }

  get peer(): Peer {
    return { remoteAddress: this.#remoteAddress, isSecure: this.#transport.isSecure };
  }

  get serverId(): ReadonlyMap<string, string> {
    return this.#settings.serverId;
  }

  get searchMs(): number {
    return this.#settings.limits().searchMs;
  }

  get isCondstoreEnabled(): boolean {
    return this.#isCondstoreEnabled;
  }

  enableCondstore(): void {
    this.#isCondstoreEnabled = true;
  }

  get isLoginAllowed(): boolean {
    return this.#transport.isSecure || this.#settings.allowsPlaintextLogin(this.#remoteAddress);
  }

  get canStartTls(): boolean {
    return this.#settings.secureContext !== undefined && !this.#transport.isSecure;
  }

  capabilities(): string {
    return capabilityText({
      isAuthenticated: this.#session !== undefined,
      isSecure: this.#transport.isSecure,
      hasTls: this.#settings.secureContext !== undefined,
      isLoginAllowed: this.isLoginAllowed,
      appendLimit: this.#session?.limits.appendOctets ?? 0,
    });
  }

  async authenticate(username: string, password: string): Promise<void> {
    const session = await this.#settings.backend.authenticate(username, password, this.peer);
    if (this.#isEnding) {
      session.close();
      throw new ConnectionLost('The client went away');
    }
    clearTimeout(this.#loginTimer);
    this.#session = session;
    this.#badCommands = 0;
    session.onEnd((text) => this.end(text));
    this.#listeners.onAuthenticated();
  }

  select(view: MailboxView | undefined): void {
    this.#view?.close();
    this.#view = undefined;
    if (this.#isEnding) view?.close();
    else this.#view = view;
  }

  startTls(): void {
    this.#wantsTls = true;
  }

  logOut(): void {
    this.#wantsEnd = true;
  }

  mailboxDeleted(): void {
    this.end('The selected mailbox has been deleted');
  }

  async ask(prompt: string): Promise<string> {
    this.#prompt(prompt);
    const limits = this.#settings.limits();
    const taken = await this.#reader.line(limits.lineOctetsBeforeLogin);
    if (taken === 'end') throw new ConnectionLost('The client went away');
    if (taken === 'too-long') {
      const outcome = await this.#reader.skipCommand(undefined, SKIPPED_OCTETS);
      throw outcome === 'done' ? new SyntaxFault('Line too long') : new ConnectionLost('Line without an end');
    }
    return taken.line;
  }

  async askIdly(prompt: string): Promise<string> {
    this.#isBusy = false;
    try {
      // A mailbox that went while the command began.
      if (this.#endReason !== undefined) this.#bye(this.#endReason);
      return await this.ask(prompt);
    } finally {
      this.#isBusy = true;
    }
  }

  // One command ---------------------------------------------------------------------------------------------------

  async #serveCommand(): Promise<void> {
    this.#isBusy = false;
    if (this.#endReason !== undefined) {
      this.#bye(this.#endReason);
      return;
    }
    const result = await this.#reader.read(commandLimits(this.#settings.limits(), this.#session !== undefined));
    // BYE has been said while the client was waited for.
    if (this.#hasEnded()) return;
    this.#isBusy = true;
    await this.#handle(result);
    if (this.#wantsEnd) this.#finish();
    if (this.#wantsTls) {
      this.#wantsTls = false;
      await this.#secure({ isFirst: false });
    }
    await this.output.ready();
    // Pipelined commands run from microtask to microtask: others have their turn in between.
    this.#commandsInTurn += 1;
    if (this.#commandsInTurn % COMMANDS_IN_TURN === 0) await turn();
  }

  async #handle(result: ReadResult): Promise<void> {
    switch (result.kind) {
      case 'end':
        this.#finish();
        return;
      case 'bye':
        this.#bye(result.reason);
        return;
      case 'bad':
        this.#answer(result.tag, { kind: 'tagged', status: 'BAD', line: `BAD ${result.reason}` });
        return;
      case 'command':
        this.#settings.onCommand?.();
        this.#answer(result.tag, await this.#execute(result.tag, result.text, undefined));
        return;
      case 'stream': {
        this.#settings.onCommand?.();
        const { lineOctets } = commandLimits(this.#settings.limits(), this.#session !== undefined);
        const literal = new IncomingLiteral(this.#transport.input, this.#reader, result.literal, lineOctets, () =>
          this.#prompt('OK'),
        );
        const answer = await this.#execute(result.tag, result.text, literal);
        const isSkipped = await literal.finish(SKIPPED_OCTETS);
        this.#answer(result.tag, answer);
        if (!isSkipped) this.#bye('Too much to skip');
      }
    }
  }

  async #execute(tag: string, text: CommandText, literal: IncomingLiteral | undefined): Promise<Answer> {
    try {
      const { command, isUid, decoder } = readCommand(text);
      return await this.#run(command, decoder, { tag, isUid, literal });
    } catch (error) {
      if (error instanceof ConnectionLost) throw error;
      if (error instanceof BrokenResponse) {
        this.#transport.destroy();
        if (!(error.cause instanceof ConnectionLost)) this.logger.error({ err: error.cause }, 'response broke off');
        throw new ConnectionLost('A response broke off', { cause: error });
      }
      return answerFailure(error, this.logger, 'unknown');
    }
  }

  async #run(command: Command, decoder: Decoder, form: Form): Promise<Answer> {
    const answer = await this.#outcome(command, decoder, form);
    // Whatever came of the command, what happened meanwhile is told before the tagged line.
    const view = this.#view;
    if (view !== undefined && answer.kind === 'tagged') {
      const mayExpunge = mayTellExpunge(command.effects, form.isUid);
      await tellUpdates(this, view, { mayExpunge, isUid: form.isUid });
    }
    return answer;
  }

  async #outcome(command: Command, decoder: Decoder, form: Form): Promise<Answer> {
    try {
      if (command.effects.includes('needs-sync')) await this.#view?.mailbox.refresh();
      return answerSuccess(await command.execute(decoder, this.#context(), form));
    } catch (error) {
      if (error instanceof ConnectionLost || error instanceof BrokenResponse) throw error;
      return answerFailure(error, this.logger, command.name);
    }
  }

  #context(): AnyContext {
    const session = this.#session;
    const view = this.#view;
    if (session === undefined) return { state: 'not-authenticated', connection: this };
    if (view === undefined) return { state: 'authenticated', connection: this, session };
    return { state: 'selected', connection: this, session, view };
  }

  #answer(tag: string, answer: Answer): void {
    if (answer.kind === 'bye') {
      this.#bye(answer.reason);
      return;
    }
    this.output.write(`${tag === '' ? '*' : tag} ${answer.line}\r\n`);
    this.#countBad(answer.status);
  }

  #countBad(status: 'OK' | 'NO' | 'BAD'): void {
    const limits = this.#settings.limits();
    if (status === 'BAD') {
      this.#badCommands += 1;
      const allowed = this.#session === undefined ? limits.badCommandsBeforeLogin : limits.badCommands;
      if (this.#badCommands > allowed) this.#bye('Too many bad commands');
    } else if (this.#session !== undefined) {
      this.#badCommands = 0;
    }
  }

  // Beginning TLS and ending --------------------------------------------------------------------------------------

  async #secure(when: { readonly isFirst: boolean }): Promise<void> {
    const context = this.#settings.secureContext;
    if (context === undefined) throw new ConnectionLost('No TLS to be had');
    await this.#transport.secure(context(), when);
  }

  #prompt(text: string): void {
    this.output.write(`+ ${text}\r\n`);
    this.output.flush();
  }

  #bye(reason: string): void {
    if (this.#isEnding) return;
    this.output.write(`* BYE ${responseText(reason)}\r\n`);
    this.#finish();
  }

  #finish(): void {
    this.#isEnding = true;
    this.#transport.end();
  }

  #hasEnded(): boolean {
    return this.#isEnding;
  }

  #cutOff(reason: string): void {
    this.logger.warn({ reason, remoteAddress: this.#remoteAddress }, 'connection cut off');
    this.#isEnding = true;
    this.#transport.destroy();
  }

  #idleTooLong(): void {
    if (this.#isBusy) this.#idleTimer.refresh();
    else this.#bye('Idle for too long');
  }

  #closed(): void {
    this.#isEnding = true;
    clearTimeout(this.#loginTimer);
    clearTimeout(this.#idleTimer);
    this.#view?.close();
    this.#view = undefined;
    this.#session?.close();
    this.#session = undefined;
    this.#listeners.onClosed();
  }
}
