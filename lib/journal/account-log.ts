import type { AccountId, MailboxId } from '../kernel/ids.ts';
import { MailError } from '../kernel/errors.ts';
import type { AccountState } from './account-state.ts';
import { applyRecord, type Applied } from './apply.ts';
import type { JournalRecord } from './changes.ts';
import { NO_CHECKPOINT, stateOf, type Checkpoint } from './checkpoint.ts';
import type { AccountEvent, MailboxEvent } from './journal.ts';
import type { JournalStore } from './journal-store.ts';
import { recordOctets } from './record-size.ts';

/** Records of one read of the tail. */
const PAGE = 512;
/** What of the tail is kept in memory; beyond, columns are loaded from the journal again. */
const MOST_TAIL_OCTETS = 4 * 1024 * 1024;

/** Whoever hears of the events of one mailbox. */
export interface MailboxSession {
  readonly mailbox: MailboxId;
  deliver(event: MailboxEvent): void;
}

/** Called for each record that is applied, before sessions hear of it. */
export type RecordListener = (record: JournalRecord) => void;

/**
 * One account as this process knows it: the state, the records since the checkpoint, and who listens. All that
 * moves the state on passes through `apply`, in order of `q`, whoever read or wrote the record.
 */
export class AccountLog {
  readonly account: AccountId;
  readonly store: JournalStore;
  state: AccountState;
  /** What is written down, as far as this process knows; undefined where nothing is. */
  checkpoint: Checkpoint | undefined;
  readonly sessions = new Map<MailboxId, Set<MailboxSession>>();
  readonly watchers = new Set<(event: AccountEvent) => void>();
  onRecord: RecordListener = () => undefined;
  /** Octets of the records since the checkpoint. */
  tailOctets = 0;
  #tail: JournalRecord[] = [];
  #keptOctets = 0;
  /** Counts arrivals and starts of reads, so that one can tell whether a read began after somebody asked. */
  #tick = 0;
  #verifiedTick = 0;
  #reading: Promise<void> | undefined;
  #nextRead: Promise<void> | undefined;

  private constructor(account: AccountId, store: JournalStore, checkpoint: Checkpoint | undefined) {
    this.account = account;
    this.store = store;
    this.checkpoint = checkpoint;
    this.state = stateOf(account, checkpoint ?? NO_CHECKPOINT);
  }

  /** Reads checkpoint and tail; of an account that was never created gives a log at `q` 0. */
  static async open(account: AccountId, store: JournalStore): Promise<AccountLog> {
    const log = new AccountLog(account, store, await store.readCheckpoint(account));
    await log.refresh();
    return log;
  }

  /** The moment of now, to be compared with what `isVerifiedSince` knows. */
  tick(): number {
    this.#tick += 1;
    return this.#tick;
  }

  /** True where the state is known to be the journal's at some moment after the tick. */
  isVerifiedSince(tick: number): boolean {
    return this.#verifiedTick > tick;
  }

  /** The insert of the state's next record, begun at the tick, succeeded: nobody was before it. */
  markVerified(tick: number): void {
    this.#verifiedTick = Math.max(this.#verifiedTick, tick);
  }

  /**
   * Applies the journal as of the call. Calls that come while a read is under way share the one after it.
   * @throws MailError `unavailable`
   */
  refresh(): Promise<void> {
    if (this.#nextRead !== undefined) return this.#nextRead;
    if (this.#reading === undefined) return this.#read();
    const next = this.#reading.then(
      () => this.#read(),
      () => this.#read(),
    );
    this.#nextRead = next;
    return next;
  }

  async #read(): Promise<void> {
    this.#nextRead = undefined;
    const reading = this.#readTail();
    this.#reading = reading;
    try {
      await reading;
    } finally {
      if (this.#reading === reading) this.#reading = undefined;
    }
  }

  async #readTail(): Promise<void> {
    const tick = this.tick();
    for (;;) {
      const records = await this.store.readAfter(this.account, this.state.q, PAGE);
      for (const record of records) this.apply(record);
      if (records.length < PAGE) break;
    }
    this.markVerified(tick);
  }

  /** Applies the record if it is the next one; one that is known already is passed over. */
  apply(record: JournalRecord): void {
    if (record.q <= this.state.q) return;
    const applied = applyRecord(this.state, record, (mailbox) => this.watchers.size > 0 || this.sessions.has(mailbox));
    this.#keep(record);
    this.onRecord(record);
    this.#tell(record.q, applied);
  }

  #tell(q: number, applied: readonly Applied[]): void {
    for (const { mailbox, event } of applied) {
      for (const session of [...(this.sessions.get(mailbox) ?? [])]) session.deliver(event);
    }
    if (this.watchers.size === 0) return;
    const events = new Map<MailboxId, MailboxEvent[]>();
    for (const { mailbox, event } of applied) {
      const own = events.get(mailbox);
      if (own === undefined) events.set(mailbox, [event]);
      else own.push(event);
    }
    const told: AccountEvent = { q, mailboxes: [...events].map(([id, own]) => ({ id, events: own })) };
    for (const watcher of [...this.watchers]) watcher(told);
  }

  #keep(record: JournalRecord): void {
    const octets = recordOctets(record);
    this.tailOctets += octets;
    this.#keptOctets += octets;
    this.#tail.push(record);
    if (this.#keptOctets <= MOST_TAIL_OCTETS) return;
    this.#tail = [];
    this.#keptOctets = 0;
  }

  /** How many records the checkpoint is behind. */
  get tailRecords(): number {
    return this.state.q - (this.checkpoint?.q ?? 0);
  }

  /** The records after the checkpoint up to the state, from memory where they are there. @throws MailError `unavailable` */
  async recordsSinceCheckpoint(): Promise<readonly JournalRecord[]> {
    const after = this.checkpoint?.q ?? 0;
    const read: JournalRecord[] = [];
    for (;;) {
      const q = read.at(-1)?.q ?? after;
      const kept = this.keptAfter(q);
      if (kept !== undefined) return [...read.filter((record) => record.q <= this.state.q), ...kept];
      const page = await this.store.readAfter(this.account, q, PAGE);
      if (page.length === 0) throw gap();
      read.push(...page);
    }
  }

  /** The records after `q` up to the state, if they are all in memory. */
  keptAfter(q: number): readonly JournalRecord[] | undefined {
    if (q >= this.state.q) return [];
    const first = this.#tail.findIndex((record) => record.q === q + 1);
    return first < 0 ? undefined : this.#tail.slice(first);
  }

  /**
   * Somebody wrote the account down: from here on columns are loaded from there. An answer that comes late may tell of
   * an older checkpoint than the one known, whose tombstones and records are let go of already: it is passed over.
   */
  useCheckpoint(checkpoint: Checkpoint): void {
    if (checkpoint.q > this.state.q) throw new RangeError('a checkpoint ahead of the state');
    if (this.checkpoint !== undefined && checkpoint.q < this.checkpoint.q) return;
    this.checkpoint = checkpoint;
    this.#tail = this.#tail.filter((record) => record.q > checkpoint.q);
    this.#keptOctets = this.#tail.reduce((sum, record) => sum + recordOctets(record), 0);
    this.tailOctets = this.#keptOctets;
    for (const [, columns] of this.state.loadedColumns()) columns.tombstones.dropUpTo(checkpoint.q);
  }

  /** Looks at what is written down by now. @throws MailError `unavailable` */
  async rereadCheckpoint(): Promise<void> {
    const checkpoint = await this.store.readCheckpoint(this.account);
    if (checkpoint === undefined) return;
    if (checkpoint.q > this.state.q) await this.refresh();
    if (checkpoint.q > this.state.q) throw gap();
    this.useCheckpoint(checkpoint);
  }

  /** True while sessions or watchers hold on to the account. */
  get isHeld(): boolean {
    return this.sessions.size > 0 || this.watchers.size > 0;
  }
}

function gap(): MailError {
  return new MailError('unavailable', 'Storage is not available at the moment, please try again', {
    cause: 'a gap in the journal',
  });
}
