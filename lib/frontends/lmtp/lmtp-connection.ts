import type { SecureContext } from 'node:tls';
import { SMTPConnection } from 'smtp-server/lib/smtp-connection.js';
import { DataParser } from './data-parser.ts';
import { parseEnvelopeCommand } from './envelope-command.ts';
import { SHUTTING_DOWN, TOO_MANY_CONNECTIONS, TOO_MANY_ERRORS, TOO_MANY_MESSAGES, type LmtpReply } from './replies.ts';
import type { LmtpSettings } from './settings.ts';

export interface LmtpConnectionParts {
  settings(): LmtpSettings;
  /** The certificate as of now; undefined where STARTTLS is not offered. */
  readonly secureContext: (() => SecureContext) | undefined;
  readonly onCommand: (() => void) | undefined;
  /** False while the server has as many messages under way as it may. */
  mayTakeMessage(): boolean;
}

const ENHANCED_STATUS = /^[245]\.\d{1,3}\.\d{1,3} /;

/** One LMTP conversation: smtp-server's, with what it gets wrong for LMTP put right. */
export class LmtpConnection extends SMTPConnection {
  readonly #parts: LmtpConnectionParts;
  #badCommands = 0;

  constructor(parts: LmtpConnectionParts, ...base: ConstructorParameters<typeof SMTPConnection>) {
    super(...base);
    this.#parts = parts;
  }

  /** Greets at once; the library waits 100 ms for spam senders who talk first, and an MTA is none. */
  override init(): void {
    this._setListeners(() => {
      if (this._server.connections.size > this.#parts.settings().maxConnections) this.reply(TOO_MANY_CONNECTIONS);
      else this.connectionReady();
    });
  }

  reply(reply: LmtpReply): void {
    this.send(reply.code, reply.text);
  }

  /** A text that brings its enhanced status is sent as it is; replies of one turn leave together. */
  override send(code: number, data?: string | string[] | null, context?: string | false): void {
    const socket = this._socket;
    socket.cork();
    process.nextTick(() => socket.uncork());
    const bringsStatus = typeof data === 'string' && ENHANCED_STATUS.test(data);
    super.send(code, data, bringsStatus ? false : context);
    if ((code >= 500 && code <= 504) || code === 555) this.#countBadCommand();
  }

  #countBadCommand(): void {
    this.#badCommands += 1;
    if (this.#badCommands > this.#parts.settings().maxBadCommands) this.reply(TOO_MANY_ERRORS);
  }

  /** True while the client sends a message or waits for its replies. */
  get isInTransaction(): boolean {
    return this._dataStream !== false && this._dataStream !== null;
  }

  /** True while octets of a message are still to come. */
  get isReceiving(): boolean {
    return this._parser !== false && this._parser._dataMode;
  }

  /** Tells an idle client to go; whoever sends a message is answered first. */
  drain(): void {
    if (!this.isInTransaction) this.reply(SHUTTING_DOWN);
  }

  /** Ends the connection whatever it does; only where nothing may have been committed is a reason given. */
  cutOff(): void {
    if (this.isReceiving || !this.isInTransaction) this.reply(SHUTTING_DOWN);
    const socket = this._socket;
    setImmediate(() => socket.destroy());
  }

  override _createParser(): DataParser {
    // Runs within the library's constructor, before any field of this class exists.
    const parser = new DataParser({ maxCommandLength: this._server.options.maxCommandLength });
    parser.oncommand = (command, callback) => {
      this.#parts.onCommand?.();
      this._onCommand(command, callback);
    };
    parser.on('error', (error) => {
      this.send(421, error.message === 'Command line too long' ? '4.5.2 Line too long' : '4.3.0 Internal error');
    });
    return parser;
  }

  override _parseAddressCommand(
    name: string,
    command: Buffer | string,
  ): ReturnType<SMTPConnection['_parseAddressCommand']> {
    const verb = name.toUpperCase() === 'MAIL FROM' ? 'MAIL FROM' : 'RCPT TO';
    const parsed = parseEnvelopeCommand(verb, typeof command === 'string' ? Buffer.from(command) : command);
    if (parsed === undefined) return false;
    const args = Object.create(null) as Record<string, string | true>;
    for (const [keyword, value] of parsed.parameters) args[keyword] = value;
    return {
      address: parsed.address,
      args: parsed.parameters.size === 0 ? false : args,
      ...(parsed.duplicate === undefined ? {} : { duplicate: parsed.duplicate }),
    };
  }

  /** Too many messages are told before their octets travel, and the client keeps its connection. */
  override handler_DATA(command: Buffer, callback: () => void): void {
    if (this.session.envelope.rcptTo.length > 0 && !this.#parts.mayTakeMessage()) {
      this.reply(TOO_MANY_MESSAGES);
      callback();
      return;
    }
    super.handler_DATA(command, callback);
  }

  override handler_STARTTLS(command: Buffer, callback: () => void): void {
    if (this.#parts.secureContext !== undefined) this._server.secureContext.set('*', this.#parts.secureContext());
    super.handler_STARTTLS(command, callback);
  }

  override upgrade(callback: () => void, secureCallback?: () => void): void {
    // Replies that wait for the end of this turn must leave before the handshake takes over the socket.
    while (this._socket.writableCorked > 0) this._socket.uncork();
    super.upgrade(callback, secureCallback);
  }
}
