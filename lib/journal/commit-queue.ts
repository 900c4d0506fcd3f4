import { setTimeout as sleep } from 'node:timers/promises';
import { crashPoint } from '../kernel/crash-point.ts';
import { MailError, toMailError } from '../kernel/errors.ts';
import { randomOctets } from '../kernel/random-octets.ts';
import { newMailboxId, type MessageId } from '../kernel/ids.ts';
import type { Clock } from '../kernel/clock.ts';
import type { AccountLog } from './account-log.ts';
import type { AccountState } from './account-state.ts';
import { applyRecord } from './apply.ts';
import type { JournalRecord } from './changes.ts';
import { isBrokenJournal } from './damage.ts';
import type { Command, Decision, DecisionContext } from './decision.ts';
import type { CommitOutcome } from './journal-store.ts';
import { isMissing, loadColumns } from './load-columns.ts';
import { unreadableAt } from './record-codec.ts';
import { kindOfRecords } from './record-kind.ts';
import { recordOctets } from './record-size.ts';

const GROUP_RECORDS = 64;
const GROUP_OCTETS = 1024 * 1024;
const MOST_WAITING = 1000;
const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 500;

export interface CommitQueueOptions {
  readonly clock: Clock;
  /** Milliseconds that a command may take where it does not say. */
  readonly timeoutMs: number;
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

interface Waiting {
  readonly command: Command<unknown>;
  readonly arrivedTick: number;
  readonly deadline: number;
  readonly messageIds: readonly MessageId[];
  /** Sweeps up to this record have been answered by renewing. */
  renewedQ: number;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: MailError) => void;
}

/** A command decided on the state that the records before it in the group lead to. */
interface Decided {
  readonly waiting: Waiting;
  /** Undefined for refusals and for what changes nothing: they hold once the records before them are in. */
  readonly record: JournalRecord | undefined;
  readonly settle: () => void;
}

/**
 * The commit loop of one account. Commands that arrive while an insert is in flight are decided one after another
 * on the state it leads to and leave together as one ordered insert (DESIGN section 1, group commit). An outcome
 * that is not known is looked up and never compensated.
 */
export class CommitQueue {
  readonly #log: AccountLog;
  readonly #options: CommitQueueOptions;
  #waiting: Waiting[] = [];
  #isRunning = false;
  /** By token: what is being inserted. Whoever applies a record, its own command learns that it is in. */
  readonly #inFlight = new Map<string, Decided>();
  readonly #applied = new Set<Decided>();

  constructor(log: AccountLog, options: CommitQueueOptions) {
    this.#log = log;
    this.#options = options;
    log.onRecord = (record) => {
      const own = this.#inFlight.get(record.token);
      if (own !== undefined) this.#applied.add(own);
    };
  }

  get isIdle(): boolean {
    return !this.#isRunning;
  }

  /**
   * Commits what the command decides.
   * @throws MailError its refusal; `unavailable` where nothing was done; `outcome-unknown` where nobody can say
   */
  submit<R>(command: Command<R>, options: SubmitOptions = {}): Promise<R> {
    if (this.#waiting.length >= MOST_WAITING) {
      return Promise.reject(
        new MailError('unavailable', 'Too much is going on in this account, please try again', { retryAfterMs: 1000 }),
      );
    }
    const latest = this.#options.clock.monotonic() + this.#options.timeoutMs;
    return new Promise<R>((resolve, reject) => {
      this.#waiting.push({
        command,
        arrivedTick: this.#log.tick(),
        deadline: Math.min(options.deadline ?? latest, latest),
        messageIds: options.messageIds ?? [],
        renewedQ: 0,
        resolve: (result) => resolve(result as R),
        reject,
      });
      if (!this.#isRunning) void this.#run();
    });
  }

  /** Never rejects: each command has its own outcome. */
  async #run(): Promise<void> {
    this.#isRunning = true;
    // One turn, so that commands issued together are decided together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      try {
        this.#dropLate();
        if (this.#log.isDoubtful) await this.#log.refresh();
        const group = await this.#decideGroup();
        if (group.length > 0) await this.#commit(group);
      } catch (error) {
        const [head] = this.#waiting.splice(0, 1);
        head?.reject(toMailError(error));
      }
    }
    this.#isRunning = false;
  }

  #dropLate(): void {
    const now = this.#options.clock.monotonic();
    const late = this.#waiting.filter(({ deadline }) => deadline <= now);
    if (late.length === 0) return;
    this.#waiting = this.#waiting.filter(({ deadline }) => deadline > now);
    for (const { reject } of late) reject(tooLate());
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
        await preparation();
        state = this.#log.state;
        continue;
      }
      const decided = this.#decide(head, state);
      if (decided.record === undefined && records === 0) {
        if (!this.#log.isVerifiedSince(head.arrivedTick)) {
          await this.#log.refresh();
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
  #preparationFor(waiting: Waiting, state: AccountState): (() => Promise<void>) | undefined {
    const unloaded = waiting.command.columns(state).filter((id) => isMissing(this.#log, id));
    if (unloaded.length > 0) return () => loadColumns(this.#log, unloaded);
    const swept = waiting.messageIds.filter((id) => state.sweptAt(id) > waiting.renewedQ);
    return swept.length === 0 ? undefined : () => this.#renew(waiting, swept);
  }

  async #renew(waiting: Waiting, swept: readonly MessageId[]): Promise<void> {
    const { q } = this.#log.state;
    const isThere = (await this.#options.renew?.(swept)) ?? [false];
    if (!isThere.every(Boolean))
      throw new MailError('unavailable', 'The message must be stored again, please try again');
    waiting.renewedQ = q;
  }

  #decide(waiting: Waiting, state: AccountState): Decided {
    let decision: Decision<unknown>;
    const now = this.#options.clock.now();
    try {
      const context: DecisionContext = { now, drawMailboxId: newMailboxId };
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
    for (const decided of group) if (decided.record !== undefined) this.#inFlight.set(decided.record.token, decided);
    try {
      const left = await this.#insertUntilKnown(group);
      // Decided on records that are not in: decided anew, in their order, before all that came later.
      this.#waiting = [...left.map(({ waiting }) => waiting), ...this.#waiting];
    } catch (error) {
      for (const { waiting } of group) waiting.reject(toMailError(error));
    } finally {
      for (const { record } of group) if (record !== undefined) this.#inFlight.delete(record.token);
      this.#applied.clear();
      this.#options.onCommitted();
    }
  }

  /** @returns what is to be decided again */
  async #insertUntilKnown(group: readonly Decided[]): Promise<readonly Decided[]> {
    let left = group;
    let isDoubtful = false;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      const records = left.flatMap(({ record }) => record ?? []);
      const begun = this.#log.begin();
      const outcome = await this.#insert(records, this.#nextDeadline(left));
      const committed = records.slice(0, outcome.kind === 'committed' ? records.length : outcome.committed);
      if (committed[0] !== undefined) {
        await this.#requireReadable(committed[0].q);
        this.#log.markVerified(begun);
      }
      for (const record of committed) this.#log.apply(record);
      left = this.#settleApplied(left);
      const first = left.find(({ record }) => record !== undefined)?.record;
      if (outcome.kind === 'committed' || first === undefined) return left;
      if (outcome.reason === 'unreachable' && !isDoubtful) return refuseAll(left, unavailable(outcome.error));
      isDoubtful ||= outcome.reason !== 'failed';
      if (await this.#readBack(left, outcome.reason)) {
        left = this.#settleApplied(left);
        // Another's record stands in the place of the first that is left: it can never be stored any more.
        if (this.#log.state.q >= first.q) return left;
        // Certain only now: a driver that tries twice tells of its last try, and the first may have been carried out.
        if (!isDoubtful) return refuseFirst(left, unavailable(outcome.error));
      }
      isDoubtful = true;
      if (this.#giveUpLate(left, outcome.error)) return [];
      await sleep(
        Math.min(
          pause * (0.5 + Math.random()),
          Math.max(1, this.#nextDeadline(left) - this.#options.clock.monotonic()),
        ),
      );
      if (this.#giveUpLate(left, outcome.error)) return [];
    }
  }

  async #insert(records: readonly JournalRecord[], deadline: number): Promise<CommitOutcome> {
    crashPoint('commit.decided', () => kindOfRecords(records));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<CommitOutcome>((resolve) => {
      timer = setTimeout(
        () => resolve({ kind: 'stopped', committed: 0, reason: 'unknown', error: 'no answer in time' }),
        Math.max(1, deadline - this.#options.clock.monotonic()),
      );
    });
    const insert = this.#log.store.insert(this.#log.account, records);
    insert.catch(() => undefined);
    try {
      const outcome = await Promise.race([insert, late]);
      crashPoint('commit.inserted', () => kindOfRecords(records));
      return outcome;
    } catch (error) {
      // The store did not even send it.
      return { kind: 'stopped', committed: 0, reason: 'failed', error };
    } finally {
      clearTimeout(timer);
    }
  }

  async #requireReadable(q: number): Promise<void> {
    try {
      await this.#log.requireReadable(q);
    } catch (error) {
      if (isBrokenJournal(error)) throw error;
      throw unknownOutcome(error);
    }
  }

  /**
   * Reads what stands after the state. @returns false where that is not known yet
   * @throws MailError where the journal leads nowhere from here, after what is in was settled
   */
  async #readBack(group: readonly Decided[], reason: string): Promise<boolean> {
    try {
      await this.#log.refresh();
      return true;
    } catch (error) {
      const next = group.find((decided) => decided.record !== undefined && !this.#applied.has(decided));
      const unreadableQ = unreadableAt(error);
      // What stands where ours would is none of ours, or it could be read: ours can never be stored any more.
      const isForeign = unreadableQ !== undefined && unreadableQ === next?.record?.q;
      if (!isForeign && !isBrokenJournal(error)) return false;
      this.#settleApplied(group);
      if (isForeign) throw error;
      // Another's record is in the way, or whatever was inserted is read by nobody.
      throw reason === 'duplicate' || this.#log.isLost ? error : unknownOutcome(error);
    }
  }

  /** Settles what is in, with the refusals and no-ops that were decided on it. @returns the others */
  #settleApplied(group: readonly Decided[]): readonly Decided[] {
    let settled = 0;
    for (const decided of group) {
      if (decided.record !== undefined && !this.#applied.has(decided)) break;
      decided.settle();
      settled += 1;
    }
    return group.slice(settled);
  }

  /** The first deadline that is still to come. */
  #nextDeadline(group: readonly Decided[]): number {
    const now = this.#options.clock.monotonic();
    const later = group.map(({ waiting }) => waiting.deadline).filter((deadline) => deadline > now);
    return later.length === 0 ? now : Math.min(...later);
  }

  /** Tells those whose time is up that nobody knows. @returns true where that is all of them */
  #giveUpLate(group: readonly Decided[], cause: unknown): boolean {
    const now = this.#options.clock.monotonic();
    const late = group.filter(({ waiting }) => waiting.deadline <= now);
    for (const { waiting, record } of late) {
      waiting.reject(record === undefined ? unavailable(cause) : unknownOutcome(cause));
    }
    return late.length === group.length;
  }
}

/** The first record failed for certain; what was decided on it is decided again. */
function refuseFirst(group: readonly Decided[], error: MailError): readonly Decided[] {
  const first = group.findIndex(({ record }) => record !== undefined);
  group[first]?.waiting.reject(error);
  return group.filter((_, index) => index !== first);
}

function refuseAll(group: readonly Decided[], error: MailError): readonly Decided[] {
  for (const { waiting } of group) waiting.reject(error);
  return [];
}

function unavailable(cause: unknown): MailError {
  if (cause instanceof MailError) return cause;
  return new MailError('unavailable', 'Storage is not available at the moment, please try again', {
    cause,
    retryAfterMs: 5000,
  });
}

function unknownOutcome(cause: unknown): MailError {
  return new MailError('outcome-unknown', 'It is not known at the moment whether this was done', { cause });
}

function tooLate(): MailError {
  return new MailError('unavailable', 'Storage takes too long at the moment, please try again', { retryAfterMs: 5000 });
}
