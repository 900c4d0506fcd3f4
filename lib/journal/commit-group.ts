import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../kernel/clock.ts';
import { crashPoint } from '../kernel/crash-point.ts';
import { MailError, toMailError } from '../kernel/errors.ts';
import type { AccountLog } from './account-log.ts';
import type { JournalRecord } from './changes.ts';
import { isBrokenJournal } from './damage.ts';
import { orLate } from './in-time.ts';
import type { CommitOutcome } from './journal-store.ts';
import { unreadableAt } from './record-codec.ts';
import { kindOfRecords } from './record-kind.ts';
import { unavailable, unknownOutcome, type Decided } from './waiting-command.ts';

const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 500;

/**
 * Inserts groups of records, one group at a time, and finds out what became of them. An outcome that is not known is
 * looked up and never compensated. Nothing is waited for longer than until the next deadline of a command of the group:
 * what hangs then is left to itself, and the journal tells later what came of it.
 */
export class GroupCommitter {
  readonly #log: AccountLog;
  readonly #clock: Clock;
  readonly #onCommitted: () => void;
  /** By token: what is being inserted. Whoever applies a record, its own command learns that it is in. */
  readonly #inFlight = new Map<string, Decided>();
  readonly #applied = new Set<Decided>();

  /** @param onCommitted called after each group, whatever came of it, before anybody goes on */
  constructor(log: AccountLog, clock: Clock, onCommitted: () => void) {
    this.#log = log;
    this.#clock = clock;
    this.#onCommitted = onCommitted;
    log.onRecord = (record) => {
      const own = this.#inFlight.get(record.token);
      if (own !== undefined) this.#applied.add(own);
    };
  }

  /** Answers the commands of the group, but those that it @returns: they are to be decided again. */
  async commit(group: readonly Decided[]): Promise<readonly Decided[]> {
    for (const decided of group) {
      if (decided.record === undefined) continue;
      this.#inFlight.set(decided.record.token, decided);
      decided.waiting.mayBeIn = true;
    }
    try {
      const left = await this.#insertUntilKnown(group);
      // Who was told that nobody knows may ask again: deciding it anew could do it twice.
      return left.filter(({ waiting }) => !waiting.isAnswered);
    } catch (error) {
      for (const { waiting } of group) waiting.reject(toMailError(error));
      return [];
    } finally {
      for (const { record, waiting } of group) {
        waiting.mayBeIn = false;
        if (record !== undefined) this.#inFlight.delete(record.token);
      }
      this.#applied.clear();
      this.#onCommitted();
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
        await this.#requireReadable(committed[0].q, left);
        this.#log.markVerified(begun);
      }
      for (const record of committed) this.#log.apply(record);
      left = this.#settleApplied(left);
      const first = firstRecord(left);
      if (outcome.kind === 'committed' || first === undefined) return left;
      if (outcome.reason === 'unreachable' && !isDoubtful) return refuseAll(left, unavailable(outcome.error));
      isDoubtful ||= outcome.reason !== 'failed';
      if (await this.#readBack(left, outcome.reason)) {
        left = this.#settleApplied(left);
        const next = firstRecord(left);
        // Another's record stands in the place of the first that is left: it can never be stored any more.
        if (next === undefined || this.#log.state.q >= next.q) return left;
        // Certain only now: a driver that tries twice tells of its last try, and the first may have been carried out.
        // Where some of it was, the rest may be under way: it is sent again as it is, for decided anew it would be double.
        if (!isDoubtful && next === first) return refuseFirst(left, unavailable(outcome.error));
      }
      isDoubtful = true;
      if (isGivenUp(left)) return [];
      const untilNext = Math.max(1, this.#nextDeadline(left) - this.#clock.monotonic());
      await sleep(Math.min(randomInt(Math.ceil(pause / 2), pause * 2), untilNext));
      if (isGivenUp(left)) return [];
    }
  }

  async #insert(records: readonly JournalRecord[], deadline: number): Promise<CommitOutcome> {
    crashPoint('commit.decided', () => kindOfRecords(records));
    const late: CommitOutcome = { kind: 'stopped', committed: 0, reason: 'unknown', error: 'no answer in time' };
    try {
      const insert = this.#log.store.insert(this.#log.account, records);
      const outcome = await orLate(insert, deadline, this.#clock, () => late);
      crashPoint('commit.inserted', () => kindOfRecords(records));
      return outcome;
    } catch (error) {
      // The store did not even send it: too much waits there already, or it cannot be written.
      const reason = error instanceof MailError ? 'unreachable' : 'failed';
      return { kind: 'stopped', committed: 0, reason, error };
    }
  }

  /** @throws MailError what is in is of no use to anybody, or nobody can say in time */
  async #requireReadable(q: number, group: readonly Decided[]): Promise<void> {
    const last = Math.max(...group.map(({ waiting }) => waiting.deadline));
    try {
      await orLate(this.#log.requireReadable(q), last, this.#clock, () => {
        throw unknownOutcome('no answer in time');
      });
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
      const read = this.#log.refresh().then(() => true);
      return await orLate(read, this.#nextDeadline(group), this.#clock, () => false);
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

  /** The first deadline of those that were not answered yet. */
  #nextDeadline(group: readonly Decided[]): number {
    const deadlines = group.flatMap(({ waiting }) => (waiting.isAnswered ? [] : [waiting.deadline]));
    return deadlines.length === 0 ? this.#clock.monotonic() : Math.min(...deadlines);
  }
}

function firstRecord(group: readonly Decided[]): JournalRecord | undefined {
  return group.find(({ record }) => record !== undefined)?.record;
}

/** True where nobody of the group waits for an answer any more. */
function isGivenUp(group: readonly Decided[]): boolean {
  return group.filter(({ waiting }) => !waiting.giveUpIfLate()).length === 0;
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
