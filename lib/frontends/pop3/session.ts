import { toMailError } from '../../kernel/errors.ts';
import type { User } from '../../accounts/index.ts';
import { authorizationCommands } from './authorization-commands.ts';
import {
  bad,
  refused,
  type Answer,
  type Authorization,
  type Command,
  type Pop3Rooms,
  type Transaction,
} from './command.ts';
import type { Maildrop } from './maildrop.ts';
import { REPLIES } from './replies.ts';
import { transactionCommands, update } from './transaction-commands.ts';

/** What a conversation needs of its connection. */
export interface SessionSocket {
  readonly remoteAddress: string;
  readonly isSecure: boolean;
  readonly maySecure: boolean;
  /** True where a log-in is acceptable: over TLS, or from this machine. */
  readonly mayLogIn: boolean;
  /** Counts the user's session. @throws MailError `limit` */
  admit(user: User): Promise<void>;
  loggedIn(): void;
  startTls(): void;
}

/** `hang-up` where not a word may be said: neither success nor failure can be claimed. */
export type SessionAnswer = Answer | { readonly kind: 'hang-up' };

/** One POP3 conversation: a command line in, an answer out. Knows no socket. */
export class Pop3Session {
  readonly #rooms: Pop3Rooms;
  readonly #socket: SessionSocket;
  #authorization: Authorization;
  #transaction: Transaction | undefined;

  constructor(rooms: Pop3Rooms, socket: SessionSocket) {
    this.#rooms = rooms;
    this.#socket = socket;
    this.#authorization = this.#newAuthorization();
  }

  get isLoggedIn(): boolean {
    return this.#transaction !== undefined;
  }

  async answer(octets: Buffer): Promise<SessionAnswer> {
    // The verb ends at the first space; what follows keeps its spaces, for a password may begin with one.
    const line = octets.toString('utf8');
    const space = line.indexOf(' ');
    const verb = (space < 0 ? line : line.slice(0, space)).toUpperCase();
    const rest = space < 0 ? undefined : line.slice(space + 1);
    try {
      return await this.#run(verb, rest);
    } catch (thrown) {
      return this.#failure(verb, thrown);
    }
  }

  /** Answers the line that was asked for by a challenge. */
  async answerChallenge(answer: (line: string) => Answer | Promise<Answer>, octets: Buffer): Promise<SessionAnswer> {
    try {
      return await answer(octets.toString('latin1'));
    } catch (thrown) {
      return this.#failure('AUTH', thrown);
    }
  }

  /** TLS has begun: what was said before is forgotten (RFC 2595 section 4). */
  secured(): void {
    this.#authorization = this.#newAuthorization();
  }

  #newAuthorization(): Authorization {
    const socket = this.#socket;
    return {
      rooms: this.#rooms,
      remoteAddress: socket.remoteAddress,
      isSecure: socket.isSecure,
      maySecure: socket.maySecure,
      mayLogIn: socket.mayLogIn,
      username: undefined,
      admit: async (user) => {
        await socket.admit(user);
      },
      startTls: () => {
        socket.startTls();
      },
      logIn: (user: User, maildrop: Maildrop) => {
        this.#transaction = { rooms: this.#rooms, user, maildrop };
        socket.loggedIn();
      },
    };
  }

  #run(verb: string, rest: string | undefined): SessionAnswer | Promise<SessionAnswer> {
    if (verb === 'CAPA') return rest === undefined ? this.#capabilities() : bad('CAPA takes no argument');
    if (verb === 'QUIT') return rest === undefined ? this.#quit() : bad('QUIT takes no argument');
    const command = authorizationCommands.get(verb) ?? transactionCommands.get(verb);
    if (command === undefined) return bad('Unknown command');
    const args = argumentsOf(command, rest);
    if (args === undefined) return bad(`${verb} has other arguments`);
    if (command.state === 'authorization') {
      return this.#transaction === undefined ? command.run(args, this.#authorization) : bad('Already logged in');
    }
    return this.#transaction === undefined ? bad('Log in first') : command.run(args, this.#transaction);
  }

  /** RFC 2449; log-in is announced only where it is possible, STLS only where it is still to be done. */
  #capabilities(): Answer {
    const { isSecure, maySecure, mayLogIn } = this.#socket;
    const lines = ['TOP', 'UIDL', 'PIPELINING', 'RESP-CODES', 'AUTH-RESP-CODE', 'EXPIRE NEVER', 'IMPLEMENTATION Eider'];
    if (mayLogIn) lines.unshift('USER', 'SASL PLAIN');
    if (!isSecure && maySecure && this.#transaction === undefined) lines.push('STLS');
    return { kind: 'lines', text: 'Capabilities', lines };
  }

  /** The session ends even where the update fails (RFC 1939 section 6). */
  async #quit(): Promise<SessionAnswer> {
    try {
      if (this.#transaction !== undefined) await update(this.#transaction);
      return { kind: 'bye', isOk: true, text: 'Bye' };
    } catch (thrown) {
      const failure = this.#failure('QUIT', thrown);
      return 'text' in failure ? { kind: 'bye', isOk: false, text: failure.text } : failure;
    }
  }

  /** A failed log-in counts like a bad command, whichever way it failed. */
  #failure(verb: string, thrown: unknown): SessionAnswer {
    const error = toMailError(thrown);
    const { remoteAddress } = this.#socket;
    const fields = { verb, code: error.code, remoteAddress, user: this.#transaction?.user.id, err: error.cause };
    if (error.code === 'internal')
      this.#rooms.logger.error({ ...fields, err: error.cause ?? error }, 'POP3 command failed');
    else this.#rooms.logger.info(fields, 'POP3 command refused');
    const text = REPLIES[error.code];
    if (text === undefined) return { kind: 'hang-up' };
    return this.#transaction === undefined ? bad(text) : refused(text);
  }
}

/** The arguments of a command line; undefined where there are too few or too many. */
function argumentsOf(command: Command, rest: string | undefined): readonly string[] | undefined {
  if (command.arguments === 'rest') return rest === undefined ? undefined : [rest];
  // Trailing spaces are common and mean nothing.
  const words = (rest ?? '').trimEnd();
  const args = words === '' ? [] : words.split(' ');
  return args.length < command.arguments.min || args.length > command.arguments.max ? undefined : args;
}
