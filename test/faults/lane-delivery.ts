import { dotStuffed, type LmtpClient } from '../support/lmtp-client.ts';
import type { Checks, Outcome } from './ledger.ts';
import { within } from './patience.ts';

export interface LmtpTryParts {
  readonly client: LmtpClient;
  readonly checks: Checks;
  /** Names it in what is told of a breach. */
  readonly what: string;
  readonly address: string;
  /** An address whose mailbox is full. */
  readonly full: string;
}

export interface LmtpTryResult {
  readonly outcome: Outcome;
  readonly reply: string;
  /** Whether the connection is of no more use. */
  readonly isBroken: boolean;
}

/** One message handed over by LMTP to one recipient and maybe some more, and each of its replies (I12, I13). */
export class LmtpTry {
  readonly #parts: LmtpTryParts;
  /** Replies that say 250, for others behind them may be cut off. */
  readonly #taken: string[] = [];

  constructor(parts: LmtpTryParts) {
    this.#parts = parts;
  }

  async run(octets: Buffer): Promise<LmtpTryResult> {
    const { client, checks, what, address, full } = this.#parts;
    let isSent = false;
    try {
      // Every other message has further recipients; what a retry names may differ, and is the same message still.
      const wanted = octets.length % 2 === 0 ? [address, full, address] : [address];
      const accepted = await within(client.startFor(wanted));
      // What was begun for the full one alone is broken off.
      if (!accepted.includes(address)) throw new Error('no recipient was accepted');
      isSent = true;
      await within(client.lines.write(dotStuffed(octets)));
      const reply = await this.#replies(accepted);
      checks.that('I12', /^250|^4\d\d|^no recipient|^$/.test(reply), () => `${what}: ${reply}`);
      return { outcome: this.#outcomeElse('refused'), reply, isBroken: false };
    } catch (error) {
      return { outcome: this.#outcomeElse(isSent ? 'unknown' : 'refused'), reply: String(error), isBroken: true };
    }
  }

  /** What one of its replies has acknowledged stays so, whatever became of the others. */
  #outcomeElse(outcome: Outcome): Outcome {
    return this.#taken.length > 0 ? 'acknowledged' : outcome;
  }

  /**
   * Reads a reply for each recipient that was accepted.
   * @returns what stands for the message: a 250 where there is one
   */
  async #replies(accepted: readonly string[]): Promise<string> {
    let reply = '';
    for (const recipient of accepted) {
      const answer = await within(this.#parts.client.reply());
      if (recipient === this.#parts.full) {
        this.#checkFull(answer);
        continue;
      }
      this.#checkSame(reply, answer);
      if (!reply.startsWith('250')) reply = answer;
      if (answer.startsWith('250')) this.#taken.push(answer);
    }
    if (accepted.length > 1) await this.#checkSilence();
    return reply;
  }

  /** A full mailbox never takes it, and is never mistaken for another recipient. */
  #checkFull(answer: string): void {
    const { checks, what } = this.#parts;
    checks.that('I13', /^552 5\.2\.2|^4\d\d/.test(answer), () => `${what}, full: ${answer}`);
  }

  /** One address named twice is one message. */
  #checkSame(earlier: string, later: string): void {
    const { checks, what } = this.#parts;
    const [one, other] = [earlier, later].map((reply) => /^250 .* uid (\d+)$/.exec(reply)?.[1]);
    const isSame = one === undefined || other === undefined || one === other;
    checks.that('I13', isSame, () => `${what}: ${earlier} and ${later}`);
  }

  /** There are no more replies than recipients that were accepted. */
  async #checkSilence(): Promise<void> {
    const { client, checks, what } = this.#parts;
    const noop = await within(client.command('NOOP'));
    checks.that('I13', /^250 2\.0\.0|^421/.test(noop), () => `${what}: a reply too many, ${noop}`);
  }
}
