import type { Clock } from '../kernel/clock.ts';
import { MailError } from '../kernel/errors.ts';
import type { MessageId } from '../kernel/ids.ts';
import type { JournalRecord } from './changes.ts';
import type { Command } from './decision.ts';
import { tooLate } from './in-time.ts';

export interface WaitingCommandInit {
  readonly command: Command<unknown>;
  /** Of the log: what was read before it says nothing to this command. */
  readonly arrivedTick: number;
  /** Monotonic milliseconds. */
  readonly deadline: number;
  /** Message data that the command begins to refer to. */
  readonly messageIds: readonly MessageId[];
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: MailError) => void;
  /** It was answered because its time was up: nobody waits for it any more. */
  readonly onLate: () => void;
}

/**
 * A command from its arrival to its answer, of which there is one: at its deadline at the latest, whatever the commit
 * loop is waiting for then.
 */
export class WaitingCommand {
  readonly command: Command<unknown>;
  readonly arrivedTick: number;
  readonly deadline: number;
  readonly messageIds: readonly MessageId[];
  /** Sweeps up to this record have been answered by renewing. */
  renewedQ = 0;
  /** True from the moment that its record is sent until it is certain that it is not in. */
  mayBeIn = false;
  readonly #init: WaitingCommandInit;
  readonly #clock: Clock;
  readonly #timer: NodeJS.Timeout;
  #isAnswered = false;

  constructor(init: WaitingCommandInit, clock: Clock) {
    this.command = init.command;
    this.arrivedTick = init.arrivedTick;
    this.deadline = init.deadline;
    this.messageIds = init.messageIds;
    this.#init = init;
    this.#clock = clock;
    this.#timer = setTimeout(() => this.#giveUp(), Math.max(1, init.deadline - clock.monotonic()));
  }

  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  resolve(result: unknown): void {
    if (this.#end()) this.#init.resolve(result);
  }

  reject(error: MailError): void {
    if (this.#end()) this.#init.reject(error);
  }

  /** @returns whether it was answered, now or before */
  giveUpIfLate(): boolean {
    if (!this.#isAnswered && this.deadline <= this.#clock.monotonic()) this.#giveUp();
    return this.#isAnswered;
  }

  #giveUp(): void {
    if (this.#isAnswered) return;
    this.reject(this.mayBeIn ? unknownOutcome('no answer in time') : tooLate());
    this.#init.onLate();
  }

  #end(): boolean {
    if (this.#isAnswered) return false;
    this.#isAnswered = true;
    clearTimeout(this.#timer);
    return true;
  }
}

/** A command decided on the state that the records before it in the group lead to. */
export interface Decided {
  readonly waiting: WaitingCommand;
  /** Undefined for refusals and for what changes nothing: they hold once the records before them are in. */
  readonly record: JournalRecord | undefined;
  readonly settle: () => void;
}

export function unavailable(cause: unknown): MailError {
  if (cause instanceof MailError) return cause;
  return new MailError('unavailable', 'Storage is not available at the moment, please try again', {
    cause,
    retryAfterMs: 5000,
  });
}

export function unknownOutcome(cause: unknown): MailError {
  return new MailError('outcome-unknown', 'It is not known at the moment whether this was done', { cause });
}
