import type { LiteralStream } from '../commands/command.ts';
import type { CommandReader } from '../wire/command-reader.ts';
import { type LiteralHeader, literalHeaderOf } from '../wire/command-text.ts';
import { ConnectionLost, SyntaxFault } from '../wire/faults.ts';
import type { Input } from '../wire/input.ts';

const PIECE_OCTETS = 64 * 1024;

/** Octets that end a command, taken from the socket while the command runs. */
export class IncomingLiteral implements LiteralStream {
  readonly #input: Input;
  readonly #reader: CommandReader;
  readonly #header: LiteralHeader;
  readonly #prompt: () => void;
  readonly #lineOctets: number;
  #left: number;
  #isStarted = false;
  /** The line behind the literal, once it has been taken. */
  #rest: string | undefined;
  #fault: Error | undefined;

  /** @param lineOctets longest line that may follow */
  constructor(input: Input, reader: CommandReader, header: LiteralHeader, lineOctets: number, prompt: () => void) {
    this.#input = input;
    this.#reader = reader;
    this.#header = header;
    this.#left = header.size;
    this.#lineOctets = lineOctets;
    this.#prompt = prompt;
  }

  get size(): number {
    return this.#header.size;
  }

  get fault(): Error | undefined {
    return this.#fault;
  }

  /** The command is complete only with the line end behind the literal: until it is there, nothing may be stored. */
  async *read(): AsyncIterable<Buffer> {
    this.#isStarted = true;
    if (this.#header.isSynchronising) this.#prompt();
    while (this.#left > 0) {
      const piece = this.#input.take(Math.min(this.#left, PIECE_OCTETS));
      if (piece.length > 0) {
        this.#left -= piece.length;
        yield piece;
      } else if (this.#input.isEnded) {
        throw this.#fail(new ConnectionLost('The client went away'));
      } else {
        await this.#input.more();
      }
    }
    const taken = await this.#reader.line(this.#lineOctets);
    if (taken === 'end') throw this.#fail(new ConnectionLost('The client went away'));
    if (taken === 'too-long') throw this.#fail(new SyntaxFault('Line too long'));
    this.#rest = taken.line;
    if (taken.line !== '') throw this.#fail(new SyntaxFault('Unexpected arguments'));
  }

  /** Skips what was not taken, so that the next command begins where it begins. False: nothing more can be read. */
  async finish(skippedOctets: number): Promise<boolean> {
    if (!this.#isStarted) return (await this.#reader.skipCommand(this.#header, skippedOctets)) === 'done';
    if (this.#rest === undefined) {
      if (!(await this.#reader.skip(this.#left))) return false;
      return (await this.#reader.skipCommand(undefined, skippedOctets)) === 'done';
    }
    const next = literalHeaderOf(this.#rest);
    return next === undefined || (await this.#reader.skipCommand(next, skippedOctets)) === 'done';
  }

  #fail(fault: Error): Error {
    this.#fault = fault;
    return fault;
  }
}
