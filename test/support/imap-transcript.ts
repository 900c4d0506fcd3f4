import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { SessionError, type SessionErrorCode } from '../../imap-core/index.ts';
import { type ImapTestServer } from './imap-test-server.ts';

/**
 * A dialogue of several connections, one step a line:
 *
 *     # comment; `# capabilities: NAME …` names what the dialogue shows
 *     A> text        A sends the line
 *     A> … {*}       a literal of the `A|` lines that follow, CRLF behind each; asked for with `+` in between
 *     A< pattern     the next line that A receives; `...` stands for any text
 *     A~ pattern     as `<`, lines before it are passed over
 *     A! pattern     no line that A receives from here to its next `>` matches
 *     A: tls         A begins TLS, once STARTTLS has been answered
 *     A: closed      the server has hung up on A
 *     A: drop        A hangs up without a word
 *     @ login A      A connects and logs in as alice
 *     @ message PATH SUBJECT     alice gets a message
 *     @ fail OPERATION CODE      the next such call fails for alice; `bug` is an error nobody meant to throw
 *     @ plaintext no             log-in wants TLS (first line only)
 */
export interface Transcript {
  readonly name: string;
  readonly capabilities: readonly string[];
  readonly allowsPlaintextLogin: boolean;
  readonly steps: readonly string[];
}

export function readTranscript(name: string, text: string): Transcript {
  const lines = text.split('\n').map((line) => line.trimEnd());
  const capabilities = lines
    .filter((line) => line.startsWith('# capabilities:'))
    .flatMap((line) => line.slice('# capabilities:'.length).trim().split(' '));
  const steps = lines.filter((line) => line !== '' && !line.startsWith('#'));
  return { name, capabilities, allowsPlaintextLogin: !steps.includes('@ plaintext no'), steps };
}

/** How long a line may take to come; nothing here waits for time to pass. */
const PATIENCE_MS = 5000;

function toExpression(pattern: string): RegExp {
  const literal = pattern.split('...').map((piece) => piece.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${literal.join('.*')}$`);
}

class Speaker {
  #socket: Socket;
  #text = '';
  #isClosed = false;
  #wake: (() => void) | undefined;
  forbidden: RegExp[] = [];

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen();
  }

  send(line: string): void {
    this.forbidden = [];
    this.#socket.write(Buffer.from(`${line}\r\n`));
  }

  async line(): Promise<string> {
    for (;;) {
      const end = this.#text.indexOf('\r\n');
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        const broken = this.forbidden.find((expression) => expression.test(line));
        if (broken !== undefined) throw new Error(`received what must not appear: ${line}`);
        return line;
      }
      if (this.#isClosed) throw new Error('the server has hung up');
      await this.#more('a line');
    }
  }

  async closed(): Promise<void> {
    while (!this.#isClosed) await this.#more('the end');
    if (this.#text !== '') throw new Error(`unread: ${JSON.stringify(this.#text)}`);
  }

  async startTls(): Promise<void> {
    this.#socket.removeAllListeners();
    this.#socket = connectTls({ socket: this.#socket, rejectUnauthorized: false });
    this.#listen();
    await once(this.#socket, 'secureConnect');
  }

  drop(): void {
    this.#socket.destroy();
  }

  #listen(): void {
    this.#socket.setEncoding('utf8');
    this.#socket.on('data', (text: string) => {
      this.#text += text;
      this.#wake?.();
    });
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => {
      this.#isClosed = true;
      this.#wake?.();
    });
  }

  async #more(what: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`waited in vain for ${what}; unread: ${JSON.stringify(this.#text)}`));
      }, PATIENCE_MS);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** Plays a transcript against a server. @throws Error naming the step that went wrong */
export class TranscriptPlayer {
  readonly #server: ImapTestServer;
  readonly #speakers = new Map<string, Speaker>();
  #messages = 0;

  constructor(server: ImapTestServer) {
    this.#server = server;
  }

  async play(transcript: Transcript): Promise<void> {
    try {
      for (const [index, step] of transcript.steps.entries()) {
        try {
          if (step.endsWith('{*}')) await this.#sendWithLiteral(step, transcript.steps.slice(index + 1));
          else if (!/^[A-Z]\|/.test(step)) await this.#step(step);
        } catch (error) {
          throw new Error(`${transcript.name}, step ${index + 1}: ${step}\n${(error as Error).message}`, {
            cause: error,
          });
        }
      }
    } finally {
      for (const speaker of this.#speakers.values()) speaker.drop();
    }
  }

  async #step(step: string): Promise<void> {
    if (step.startsWith('@ ')) {
      await this.#direct(step.slice(2).split(' '));
      return;
    }
    const match = /^([A-Z])([><~!:]) ?(.*)$/.exec(step);
    if (match === null) throw new Error('not a step');
    const [, name = '', sign = '', text = ''] = match;
    const speaker = await this.#speaker(name);
    switch (sign) {
      case '>':
        speaker.send(text);
        break;
      case '<':
        expectMatch(await speaker.line(), text);
        break;
      case '~': {
        const expression = toExpression(text);
        while (!expression.test(await speaker.line())) continue;
        break;
      }
      case '!':
        speaker.forbidden.push(toExpression(text));
        break;
      default:
        await this.#act(speaker, text);
    }
  }

  async #sendWithLiteral(step: string, following: readonly string[]): Promise<void> {
    const speaker = await this.#speaker(step.charAt(0));
    const end = following.findIndex((line) => !line.startsWith(`${step.charAt(0)}|`));
    const lines = following.slice(0, end < 0 ? undefined : end).map((line) => `${line.slice(3)}\r\n`);
    const literal = lines.join('');
    speaker.send(step.slice(3).replace('{*}', `{${Buffer.byteLength(literal)}}`));
    expectMatch(await speaker.line(), '+ OK');
    speaker.send(literal);
  }

  async #act(speaker: Speaker, action: string): Promise<void> {
    if (action === 'tls') await speaker.startTls();
    else if (action === 'closed') await speaker.closed();
    else if (action === 'drop') speaker.drop();
    else throw new Error('unknown action');
  }

  async #direct([verb, ...words]: readonly string[]): Promise<void> {
    const [first = '', second = ''] = words;
    if (verb === 'login') {
      const speaker = await this.#speaker(first);
      expectMatch(await speaker.line(), '* OK ...');
      speaker.send('login LOGIN alice secret');
      expectMatch(await speaker.line(), 'login OK ...');
    } else if (verb === 'message') {
      await this.#deliver(first, words.slice(1).join(' '));
    } else if (verb === 'fail') {
      const error =
        second === 'bug' ? new TypeError('planted') : new SessionError(second as SessionErrorCode, 'Planted failure');
      this.#server.alice.failures.set(first, error);
    } else if (verb !== 'plaintext') {
      throw new Error('unknown direction');
    }
  }

  async #deliver(path: string, subject: string): Promise<void> {
    this.#messages += 1;
    const text = `Subject: ${subject}\r\nDate: Fri, 2 Jan 2026 03:04:05 +0000\r\n\r\nBody ${this.#messages}\r\n`;
    const session = await this.#server.backend.authenticate('alice', 'secret');
    const octets = Buffer.from(text);
    const pieces = (async function* () {
      yield octets;
    })();
    await session.append(path, {
      flags: { system: 0, keywords: [] },
      internalDate: undefined,
      size: octets.length,
      octets: pieces,
    });
    session.close();
  }

  async #speaker(name: string): Promise<Speaker> {
    const known = this.#speakers.get(name);
    if (known !== undefined) return known;
    const socket = connect({ port: this.#server.port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    const speaker = new Speaker(socket);
    this.#speakers.set(name, speaker);
    return speaker;
  }
}

function expectMatch(line: string, pattern: string): void {
  if (!toExpression(pattern).test(line)) throw new Error(`expected ${pattern}\nreceived ${line}`);
}
