import { randomBytes } from 'node:crypto';
import type { AddressInfo, Socket } from 'node:net';
import type { Readable } from 'node:stream';
import type { SecureContext, TLSSocket } from 'node:tls';
import type { SMTPConnectionOptions } from 'smtp-server/lib/smtp-connection.js';
import { SMTPServer, type SMTPServerEnvelope, type SMTPServerSession } from 'smtp-server';
import { toMailError } from '../../kernel/errors.ts';
import { isLoopback } from '../../kernel/loopback.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { Delivery, DeliveryEnvelope, DeliveryProtocol, Recipient } from '../../delivery/index.ts';
import type { Messages } from '../../messages/index.ts';
import { directPeer, type PeerReader } from '../../proxy/index.ts';
import { LmtpConnection } from './lmtp-connection.ts';
import { receiveMessage, type Received } from './receive-message.ts';
import { replyTo, TOO_MANY_RECIPIENTS, TOO_SLOW, UNKNOWN_PARAMETER, type LmtpReply } from './replies.ts';
import type { LmtpSettings } from './settings.ts';

export interface LmtpServerParts {
  readonly delivery: Delivery;
  readonly messages: Pick<Messages, 'ingest'>;
  readonly logger: Logger;
  /** Read anew for every connection and message where the setting is reloadable. */
  readonly settings: LmtpSettings | (() => LmtpSettings);
  /** Name of this host, for the greeting. */
  readonly hostname: string;
  /** Called for each command. */
  readonly onCommand?: (() => void) | undefined;
  /** The certificate for STARTTLS as of now; without it STARTTLS is not offered. */
  readonly secureContext?: () => SecureContext;
}

export interface LmtpServer {
  /** @returns the port bound, which differs where 0 was asked for */
  listen(at: {
    readonly host: string;
    readonly port: number;
    /** Whom a connection comes from; where not given, the other end of its socket. */
    readonly readPeer?: PeerReader;
  }): Promise<{ readonly port: number }>;
  /** Connections that stand. */
  readonly connectionCount: number;
  /**
   * Accepts nobody any more, tells idle clients 421 and answers the messages that are under way; what is left at
   * the deadline is cut off.
   */
  close(deadlineMs: number): Promise<void>;
}

export function createLmtpServer(parts: LmtpServerParts): LmtpServer {
  const server = new LmtpListener(parts);
  return {
    listen: (at) => server.open(at),
    get connectionCount() {
      return server.connections.size;
    },
    close: (deadlineMs) => server.shut(deadlineMs),
  };
}

/** What the library makes of a refusal: a code and a text. */
class Refusal extends Error {
  readonly responseCode: number;

  constructor(reply: LmtpReply) {
    super(reply.text);
    this.responseCode = reply.code;
  }
}

type Done = (error?: Error | null) => void;
type DataDone = (error?: Error | null, replies?: (string | Error)[]) => void;

/** Parameters of MAIL that are understood (RFC 1870, RFC 6152, RFC 6531). */
const MAIL_PARAMETERS: ReadonlySet<string> = new Set(['SIZE', 'BODY', 'SMTPUTF8']);

class LmtpListener extends SMTPServer {
  readonly #parts: LmtpServerParts;
  /** The library merges equal recipients and then answers too few times; these lists hold each RCPT. */
  readonly #recipients = new WeakMap<SMTPServerEnvelope, Recipient[]>();
  #isClosing = false;
  /** Messages whose DATA has begun and that are not answered yet. */
  #messages = 0;
  #readPeer: PeerReader = directPeer;

  constructor(parts: LmtpServerParts) {
    const settings = typeof parts.settings === 'function' ? parts.settings() : parts.settings;
    super({
      lmtp: true,
      name: parts.hostname,
      banner: 'Eider',
      heloResponse: '%s',
      size: settings.maxMessageSize,
      socketTimeout: settings.idleTimeout,
      maxCommandLength: 4096,
      hideENHANCEDSTATUSCODES: false,
      disableReverseLookup: true,
      disabledCommands: [
        ...['AUTH', 'WIZ', 'SHELL', 'KILL', 'XCLIENT', 'XFORWARD'],
        ...(parts.secureContext === undefined ? ['STARTTLS'] : []),
      ],
      logger: false,
      noDelay: true,
    });
    this.#parts = parts;
    this.on('error', (error) => parts.logger.debug({ err: error }, 'LMTP connection failed'));
  }

  #settings = (): LmtpSettings => {
    const { settings } = this.#parts;
    return typeof settings === 'function' ? settings() : settings;
  };

  open(at: Parameters<LmtpServer['listen']>[0]): Promise<{ readonly port: number }> {
    this.#readPeer = at.readPeer ?? directPeer;
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.listen({ host: at.host, port: at.port }, () => {
        this.server.off('error', reject);
        resolve({ port: (this.server.address() as AddressInfo).port });
      });
    });
  }

  shut(deadlineMs: number): Promise<void> {
    this.#isClosing = true;
    return new Promise((resolve) => {
      const deadline = setTimeout(() => {
        for (const connection of this.#connections()) connection.cutOff();
      }, deadlineMs);
      this.server.close(() => {
        clearTimeout(deadline);
        resolve();
      });
      for (const connection of this.#connections()) connection.drain();
    });
  }

  #connections(): readonly LmtpConnection[] {
    return [...this.connections].filter((connection) => connection instanceof LmtpConnection);
  }

  /** In place of the library's, which knows version 1 of the protocol alone. */
  override _handleProxy(
    socket: Socket,
    callback: (error: Error | null, options?: { readonly id: string; readonly remoteAddress: string }) => void,
  ): void {
    // A connection that is not taken is closed, and the library lets go of it then.
    this.#readPeer(socket, (remoteAddress) => {
      if (this.#isClosing) socket.destroy();
      else callback(null, { id: randomBytes(10).toString('hex'), remoteAddress });
    });
  }

  override connect(socket: Socket | TLSSocket, options?: SMTPConnectionOptions | null): void {
    this.options.size = this.#settings().maxMessageSize;
    const { secureContext, onCommand } = this.#parts;
    const mayTakeMessage = (): boolean => this.#messages < this.#settings().maxMessages;
    const parts = { settings: this.#settings, secureContext, onCommand, mayTakeMessage };
    const connection = new LmtpConnection(parts, this, socket, options);
    this.connections.add(connection);
    connection.on('error', (error: Error) => {
      this._onError(error);
    });
    connection.init();
  }

  override onConnect(session: SMTPServerSession, done: Done): void {
    const isTlsOffered = this.#settings().offerTlsOnLoopback || !isLoopback(session.remoteAddress);
    session.disabledCommands = isTlsOffered
      ? this.options.disabledCommands
      : [...this.options.disabledCommands, 'STARTTLS'];
    done();
  }

  override onMailFrom(
    sender: { readonly args: Record<string, string | true> | false },
    _session: SMTPServerSession,
    done: Done,
  ): void {
    const unknown = Object.keys(sender.args === false ? {} : sender.args).some((name) => !MAIL_PARAMETERS.has(name));
    done(unknown ? new Refusal(UNKNOWN_PARAMETER) : null);
  }

  override onRcptTo(
    recipient: { readonly address: string; readonly args: Record<string, string | true> | false },
    session: SMTPServerSession,
    done: Done,
  ): void {
    const list = this.#recipientsOf(session);
    if (recipient.args !== false) {
      done(new Refusal(UNKNOWN_PARAMETER));
      return;
    }
    if (list.length >= this.#settings().maxRecipients) {
      done(new Refusal(TOO_MANY_RECIPIENTS));
      return;
    }
    this.#parts.delivery.resolveRecipient(recipient.address).then(
      (resolved) => {
        list.push(resolved);
        later(done);
      },
      (thrown: unknown) => {
        const error = toMailError(thrown);
        const fields = { recipient: recipient.address, code: error.code, err: error.cause };
        this.#parts.logger.info(fields, 'recipient refused');
        later(done, new Refusal(replyTo(error, this.#settings())));
      },
    );
  }

  #recipientsOf(session: SMTPServerSession): Recipient[] {
    const list = this.#recipients.get(session.envelope) ?? [];
    this.#recipients.set(session.envelope, list);
    return list;
  }

  override onData(stream: Parameters<SMTPServer['onData']>[0], session: SMTPServerSession, done: DataDone): void {
    const connection = this.#connections().find((candidate) => candidate.session === session);
    const { mailFrom, smtpUtf8 } = session.envelope;
    const tooSlow = setTimeout(() => connection?.reply(TOO_SLOW), this.#settings().dataTimeout);
    stream.once('end', () => {
      clearTimeout(tooSlow);
    });
    const envelope = {
      reversePath: mailFrom === false ? '' : mailFrom.address,
      recipients: this.#recipientsOf(session),
      helo: session.hostNameAppearsAs,
      remoteAddress: session.remoteAddress,
      protocol: protocolOf(smtpUtf8 === true, session.secure),
      id: session.id + String(session.transaction),
    };
    this.#messages += 1;
    this.#receive(stream, envelope)
      .finally(() => {
        this.#messages -= 1;
      })
      .then((received) => {
        clearTimeout(tooSlow);
        if (received !== undefined) this.#answer(received, connection, done);
      })
      .catch((error: unknown) => {
        this.#parts.logger.error({ delivery: envelope.id, err: error }, 'answering a message failed');
        connection?.close();
      });
  }

  async #receive(stream: Readable, envelope: DeliveryEnvelope): Promise<Received | undefined> {
    try {
      return await receiveMessage({ ...this.#parts, settings: this.#settings }, stream, envelope);
    } catch (error) {
      this.#parts.logger.error({ delivery: envelope.id, err: error }, 'receiving a message failed');
      return { replies: [], mustHangUp: true };
    }
  }

  #answer(received: Received, connection: LmtpConnection | undefined, done: DataDone): void {
    if (received.mustHangUp) {
      // The library is not told: it would go on with what was pipelined behind the message.
      for (const reply of received.replies) connection?.reply(reply);
      connection?.close();
      return;
    }
    done(
      null,
      received.replies.map((reply) => (reply.code === 250 ? reply.text : new Refusal(reply))),
    );
    if (this.#isClosing) connection?.drain();
  }
}

/** In a turn of its own: thousands of recipients that are known already must not hold the event loop. */
function later(done: Done, refusal?: Refusal): void {
  setImmediate(() => {
    done(refusal);
  });
}

/** RFC 3848, RFC 6531 section 4.3. */
function protocolOf(isUtf8: boolean, isSecure: boolean): DeliveryProtocol {
  if (isUtf8) return isSecure ? 'UTF8LMTPS' : 'UTF8LMTP';
  return isSecure ? 'LMTPS' : 'LMTP';
}
