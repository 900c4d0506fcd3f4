import { type CommandText, literalHeaderOf, type LiteralHeader, tagOf, withoutLiteralHeader } from './command-text.ts';
import type { Input } from './input.ts';

/** How much one command may be; octets. */
export interface CommandLimits {
  /** Of all lines of the command, without line ends and literals. */
  readonly lineOctets: number;
  readonly literals: number;
  /** Of all its literals together. */
  readonly literalOctets: number;
  /** Of one literal that the client sends without waiting (RFC 7888 section 4: 4096). */
  readonly nonSynchronisingOctets: number;
  /** Of lines and literals together; past it the connection ends. Only before log-in. */
  readonly commandOctets: number | undefined;
  /** What is skipped after a command was refused, before the connection ends. */
  readonly skippedOctets: number;
}

export type ReadResult =
  | { readonly kind: 'command'; readonly tag: string; readonly text: CommandText }
  /** A literal that is not read here but streamed; `text` stops where it begins. */
  | { readonly kind: 'stream'; readonly tag: string; readonly text: CommandText; readonly literal: LiteralHeader }
  /** Refused, and read to its end. */
  | { readonly kind: 'bad'; readonly tag: string; readonly reason: string }
  | { readonly kind: 'bye'; readonly reason: string }
  | { readonly kind: 'end' };

export interface CommandReaderPort {
  /** Asks for a synchronising literal. */
  continueLiteral(): void;
  /**
   * Told of each literal before it is asked for; `stream` leaves it to the command, `bye` ends the connection.
   */
  judgeLiteral(text: CommandText, literal: LiteralHeader): 'collect' | 'stream' | 'bye';
}

/** Reads one command, its literals included, and never more than the limits allow. */
export class CommandReader {
  readonly #input: Input;
  readonly #port: CommandReaderPort;

  constructor(input: Input, port: CommandReaderPort) {
    this.#input = input;
    this.#port = port;
  }

  async read(limits: CommandLimits): Promise<ReadResult> {
    const text: (string | Buffer)[] = [];
    let tag: string | undefined;
    let lineOctets = 0;
    let literals = 0;
    let literalOctets = 0;
    for (;;) {
      const taken = await this.line(limits.lineOctets - lineOctets);
      if (taken === 'end') return { kind: 'end' };
      if (taken === 'too-long') {
        tag ??= tagOf(this.#input.peek(66).toString('latin1'));
        if (tag === undefined) return { kind: 'bye', reason: 'Line too long' };
        return await this.#refuse(tag, 'Line too long', undefined, limits.skippedOctets);
      }
      const { line } = taken;
      lineOctets += line.length;
      // An empty line has no tag, but nothing follows it either: the caller answers it as bad.
      tag ??= tagOf(line) ?? '';
      const literal = literalHeaderOf(line);
      if (literal === undefined) {
        text.push(line);
        return { kind: 'command', tag, text };
      }
      text.push(withoutLiteralHeader(line));
      if (tag === '') return { kind: 'bye', reason: 'Literal without a tag' };
      const judged = this.#port.judgeLiteral(text, literal);
      if (judged === 'bye') return { kind: 'bye', reason: 'Not before log-in' };
      const fault = literalFault(literal, literals + 1, literalOctets + literal.size, limits);
      if (judged === 'stream') {
        if (fault !== 'unasked') return { kind: 'stream', tag, text, literal };
        return await this.#refuse(tag, FAULTS[fault], literal, limits.skippedOctets);
      }
      literals += 1;
      literalOctets += literal.size;
      if (limits.commandOctets !== undefined) {
        if (literals > limits.literals || lineOctets + literalOctets > limits.commandOctets) {
          return { kind: 'bye', reason: 'Command too long' };
        }
      }
      if (fault !== undefined) return await this.#refuse(tag, FAULTS[fault], literal, limits.skippedOctets);
      if (literal.isSynchronising) this.#port.continueLiteral();
      const octets = await this.#literal(literal.size);
      if (octets === undefined) return { kind: 'end' };
      text.push(octets);
    }
  }

  /** One line without its end. */
  async line(maxOctets: number): Promise<{ readonly line: string } | 'end' | 'too-long'> {
    for (;;) {
      const result = this.#input.takeLine(maxOctets);
      if (result.kind === 'line') return { line: result.octets.toString('latin1') };
      if (result.kind === 'too-long') return 'too-long';
      if (this.#input.isEnded) return 'end';
      await this.#input.more();
    }
  }

  async #literal(size: number): Promise<Buffer | undefined> {
    const octets = Buffer.allocUnsafeSlow(size);
    let filled = 0;
    while (filled < size) {
      const piece = this.#input.take(size - filled);
      if (piece.length === 0) {
        if (this.#input.isEnded) return undefined;
        await this.#input.more();
      }
      filled += piece.copy(octets, filled);
    }
    return octets;
  }

  async #refuse(tag: string, reason: string, pending: LiteralHeader | undefined, budget: number): Promise<ReadResult> {
    const outcome = await this.skipCommand(pending, budget);
    if (outcome === 'done') return { kind: 'bad', tag, reason };
    return outcome === 'end' ? { kind: 'end' } : { kind: 'bye', reason };
  }

  /**
   * Reads a refused command to its end. A client that waits for a continuation request never gets one, so that its
   * command ends there; anything else it has sent or will send is skipped.
   * @param pending the literal that was announced last, if it has not been read
   * @returns `too-much` where more than `budget` octets would have to be skipped
   */
  async skipCommand(pending: LiteralHeader | undefined, budget: number): Promise<'done' | 'end' | 'too-much'> {
    let left = budget;
    let literal = pending;
    for (;;) {
      if (literal !== undefined) {
        if (literal.isSynchronising) return 'done';
        left -= literal.size;
        if (left < 0) return 'too-much';
        if (!(await this.skip(literal.size))) return 'end';
      }
      const rest = await this.#skipLine(left);
      if (rest === undefined) return this.#input.isEnded ? 'end' : 'too-much';
      left -= rest.skipped;
      literal = literalHeaderOf(rest.tail);
      if (literal === undefined) return 'done';
    }
  }

  /** Takes so many octets and forgets them. False where the peer ended before. */
  async skip(octets: number): Promise<boolean> {
    let left = octets;
    while (left > 0) {
      const piece = this.#input.take(left);
      left -= piece.length;
      if (piece.length === 0) {
        if (this.#input.isEnded) return false;
        await this.#input.more();
      }
    }
    return true;
  }

  /** Skips to the line end; gives the last octets of the line. Undefined at the end of input or of the budget. */
  async #skipLine(budget: number): Promise<{ readonly skipped: number; readonly tail: string } | undefined> {
    let skipped = 0;
    let tail = '';
    while (skipped <= budget) {
      const window = this.#input.peek(64 * 1024);
      const found = window.indexOf(0x0a);
      const taken = this.#input.take(found < 0 ? window.length : found + 1);
      skipped += taken.length;
      tail = (tail + taken.toString('latin1', Math.max(0, taken.length - 24))).slice(-24);
      if (found >= 0) return { skipped, tail: tail.replace(/\r?\n$/, '') };
      if (this.#input.isEnded) return undefined;
      if (taken.length === 0) await this.#input.more();
    }
    return undefined;
  }
}

type LiteralFault = 'unasked' | 'too-many' | 'too-long';

const FAULTS: Readonly<Record<LiteralFault, string>> = {
  unasked: 'Literal too long to come unasked',
  'too-many': 'Too many literals',
  'too-long': 'Literals too long',
};

function literalFault(
  literal: LiteralHeader,
  count: number,
  total: number,
  limits: CommandLimits,
): LiteralFault | undefined {
  if (!literal.isSynchronising && literal.size > limits.nonSynchronisingOctets) return 'unasked';
  if (count > limits.literals) return 'too-many';
  return total > limits.literalOctets ? 'too-long' : undefined;
}
