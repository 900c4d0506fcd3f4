import type { Clock } from '../kernel/clock.ts';
import { MailError, toMailError } from '../kernel/errors.ts';
import { newMailboxId, type MessageId } from '../kernel/ids.ts';
import { randomOctets } from '../kernel/random-octets.ts';
import type { AccountLog } from './account-log.ts';
import type { AccountState } from './account-state.ts';
import { applyRecord } from './apply.ts';
import type { JournalRecord } from './changes.ts';
import { GroupCommitter } from './commit-group.ts';
import type { Command, Decision, DecisionContext } from './decision.ts';
import { inTime } from './in-time.ts';
import { isMissing, loadColumns } from './load-columns.ts';
import { recordOctets } from './record-size.ts';
import { WaitingCommand, type Decided } from './waiting-command.ts';

const GROUP_RECORDS = 64;
const GROUP_OCTETS = 1024 * 1024;
const MOST_WAITING = 1000;

export interface CommitQueueOptions {
  readonly clock: Clock;
  /** Milliseconds that a command may take where it does not say. */
  readonly timeoutMs: number;
  /** Of one mailbox, that STORE and APPEND may make. */
  readonly maxKeywords: number;
  /** Renews message data that a sweep may be about to delete; false for each that is gone. */
  readonly renew: ((messageIds: readonly MessageId[]) => Promise<readonly boolean[]>) | undefined;
  /** Called after this process committed records. */
  readonly onCommitted: () => void;
  /** Changes that ride on every record, such as marks that are worth no record of their own. */
  readonly extraChanges: (state: AccountState) => JournalRecord['changes'];
}

export interface SubmitOptions {
  /** Monotonic milliseconds. */
  readonly deadline?: number | undefined;
  /** Message data that the command begins to refer to. */
  readonly messageIds?: readonly MessageId[];
}

/**
 * The commit loop of one account. Commands that arrive while an insert is in flight are decided one after another
 * on the state it leads to and leave together as one ordered insert (DESIGN section 1, group commit). The loop waits for
 * nothing longer than the command has for which it waits, and the others have their own deadlines meanwhile.
 */
export class CommitQueue {
  readonly #log: AccountLog;
  readonly #options: CommitQueueOptions;
  readonly #committer: GroupCommitter;
  #waiting: WaitingCommand[] = [];
  #isRunning = false;

  constructor(log: AccountLog, options: CommitQueueOptions) {
    this.#log = log;
    this.#options = options;
    this.#committer = new GroupCommitter(log, options.clock, options.onCommitted);
  }

  get isIdle(): boolean {
    return !this.#isRunning;
  }

  /**
   * Commits what the command decides.
   * @throws MailError its refusal; `unavailable` where nothing was done; `outcome-unknown` where nobody can say; one of
   *   these two at its deadline at the latest
   */
  submit<R>(command: Command<R>, options: SubmitOptions = {}): Promise<R> {
    if (this.#waiting.length >= MOST_WAITING) {
      return Promise.reject(
        new MailError('unavailable', 'Too much is going on in this account, please try again', { retryAfterMs: 1000 }),
      );
    }
    const { clock, timeoutMs } = this.#options;
    const latest = clock.monotonic() + timeoutMs;
    return new Promise<R>((resolve, reject) => {
      const waiting: WaitingCommand = new WaitingCommand(
        {
          command,
          arrivedTick: this.#log.tick(),
          deadline: Math.min(options.deadline ?? latest, latest),
          messageIds: options.messageIds ?? [],
          resolve: (result) => resolve(result as R),
          reject,
          onLate: () => this.#remove(waiting),
        },
        clock,
      );
      this.#waiting.push(waiting);
      if (!this.#isRunning) void this.#run();
    });
  }

  /** Never rejects: each command has its own outcome. */
  async #run(): Promise<void> {
    this.#isRunning = true;
    // One turn, so that commands issued together are decided together.
    await Promise.resolve();
    for (let head = this.#next(); head !== undefined; head = this.#next()) {
      try {
        if (this.#log.isDoubtful) {
          await this.#waitFor(head, () => this.#log.refresh());
          continue;
        }
        const group = await this.#decideGroup();
        if (group.length > 0) await this.#commit(group);
      } catch (error) {
        this.#refuse(head, error);
      }
    }
    this.#isRunning = false;
  }

  /** The first that still has time. */
  #next(): WaitingCommand | undefined {
    for (const waiting of [...this.#waiting]) waiting.giveUpIfLate();
    return this.#waiting[0];
  }

  #remove(waiting: WaitingCommand): void {
    const at = this.#waiting.indexOf(waiting);
    if (at >= 0) this.#waiting.splice(at, 1);
  }

  /** Waits for what this command needs, as long as it has; it is refused where that fails. */
  async #waitFor(waiting: WaitingCommand, work: () => Promise<void>): Promise<void> {
    try {
      await inTime(work(), waiting.deadline, this.#options.clock);
    } catch (error) {
      this.#refuse(waiting, error);
    }
  }

  #refuse(waiting: WaitingCommand, error: unknown): void {
    this.#remove(waiting);
    waiting.reject(toMailError(error));
  }

  /**
   * Takes commands off the queue for as long as they can be decided without waiting. What is refused, or changes
   * nothing, on a state not known to be current since the command came, makes the log catch up first.
   */
  async #decideGroup(): Promise<Decided[]> {
    const group: Decided[] = [];
    let state = this.#log.state;
    let records = 0;
    let octets = 0;
    for (let head = this.#waiting[0]; head !== undefined; head = this.#waiting[0]) {
      if (records >= GROUP_RECORDS || octets >= GROUP_OCTETS) break;
      const preparation = this.#preparationFor(head, state);
      if (preparation !== undefined) {
        if (group.length > 0) break;
        await this.#waitFor(head, preparation);
        state = this.#log.state;
        continue;
      }
      const decided = this.#decide(head, state);
      if (decided.record === undefined && records === 0) {
        if (!this.#log.isVerifiedSince(head.arrivedTick)) {
          await this.#waitFor(head, () => this.#log.refresh());
          state = this.#log.state;
          continue;
        }
        this.#waiting.shift();
        decided.settle();
        continue;
      }
      this.#waiting.shift();
      group.push(decided);
      if (decided.record === undefined) continue;
      records += 1;
      octets += recordOctets(decided.record);
      if (this.#waiting.length === 0 || decided.record.changes.some(({ kind }) => kind === 'sweep')) break;
      if (!state.isFork) state = state.fork();
      applyRecord(state, decided.record);
    }
    return group;
  }

  /** What must be waited for before the command can be decided. */
  #preparationFor(waiting: WaitingCommand, state: AccountState): (() => Promise<void>) | undefined {
    const unloaded = waiting.command.columns(state).filter((id) => isMissing(this.#log, id));
    if (unloaded.length > 0) return () => loadColumns(this.#log, unloaded);
    const swept = waiting.messageIds.filter((id) => state.sweptAt(id) > waiting.renewedQ);
    return swept.length === 0 ? undefined : () => this.#renew(waiting, swept);
  }

  async #renew(waiting: WaitingCommand, swept: readonly MessageId[]): Promise<void> {
    const { q } = this.#log.state;
    const isThere = (await this.#options.renew?.(swept)) ?? [false];
    if (!isThere.every(Boolean))
      throw new MailError('unavailable', 'The message must be stored again, please try again');
    waiting.renewedQ = q;
  }

  #decide(waiting: WaitingCommand, state: AccountState): Decided {
    let decision: Decision<unknown>;
    const { clock, maxKeywords } = this.#options;
    const now = clock.now();
    try {
      const context: DecisionContext = { now, drawMailboxId: newMailboxId, maxKeywords };
      decision = waiting.command.decide(state, context);
    } catch (error) {
      return { waiting, record: undefined, settle: () => waiting.reject(toMailError(error)) };
    }
    const { changes, result } = decision;
    if (changes.length === 0) return { waiting, record: undefined, settle: () => waiting.resolve(result(state.q)) };
    const record: JournalRecord = {
      q: state.q + 1,
      at: now,
      token: randomOctets(12).toString('hex'),
      ...(state.lastToken === '' ? {} : { follows: state.lastToken.slice(0, 8) }),
      changes: [...changes, ...this.#options.extraChanges(state)],
    };
    return { waiting, record, settle: () => waiting.resolve(result(record.q)) };
  }

  async #commit(group: readonly Decided[]): Promise<void> {
    const left = await this.#committer.commit(group);
    // Decided on records that are not in: decided anew, in their order, before all that came later.
    this.#waiting = [...left.map(({ waiting }) => waiting), ...this.#waiting];
  }
}
