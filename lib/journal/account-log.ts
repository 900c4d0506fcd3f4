import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../kernel/clock.ts';
import type { AccountId, MailboxId } from '../kernel/ids.ts';
import type { AccountState } from './account-state.ts';
import { applyRecord, type Applied } from './apply.ts';
import type { JournalRecord } from './changes.ts';
import { NO_CHECKPOINT, stateOf, type Checkpoint } from './checkpoint.ts';
import { brokenJournal, isBrokenJournal } from './damage.ts';
import { Freshness, type Instant } from './freshness.ts';
import type { AccountEvent, MailboxEvent } from './journal.ts';
import type { JournalStore } from './journal-store.ts';
import { recordOctets } from './record-size.ts';

/** Records of one read of the tail. */
const PAGE = 512;
/** What of the tail is kept in memory; beyond, columns are loaded from the journal again. */
const MOST_TAIL_OCTETS = 4 * 1024 * 1024;

/**
 * Reads of one gap until it counts as one: where an account lies on several shards, one of them may have been asked
 * before the other learned of a record.
 */
const LOOKS_AT_GAP = 3;
const LOOK_PAUSE_MS = 40;
/** Looks for segments of one checkpoint until they count as lost. */
const MOST_MISSES = 2;

export interface AccountLogOptions {
  readonly clock: Clock;
  /** Told what is wrong with a journal that cannot be read on. */
  readonly onDamage?: (what: string) => void;
}

/** Whoever hears of the events of one mailbox. */
export interface MailboxSession {
  readonly mailbox: MailboxId;
  deliver(event: MailboxEvent): void;
}

/** Whoever hears of the whole account. */
export interface AccountWatcher {
  tell(event: AccountEvent): void;
  /** Nothing more will be told. */
  end(): void;
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
  /** True where there is no head, so that `checkpoint` is the base, whose segments are its own. */
  isOnBase = false;
  /** Makes the head again out of base and journal, while this log stays what it is. */
  rebuildHead: () => Promise<void> = async () => undefined;
  readonly sessions = new Map<MailboxId, Set<MailboxSession>>();
  readonly watchers = new Set<AccountWatcher>();
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

  readonly #options: AccountLogOptions;
  readonly #freshness: Freshness;
  #isLost = false;
  /** In a row, of the same checkpoint. */
  #misses = 0;
  #isBroken = false;

  private constructor(
    account: AccountId,
    store: JournalStore,
    checkpoint: Checkpoint | undefined,
    options: AccountLogOptions,
  ) {
    this.account = account;
    this.store = store;
    this.checkpoint = checkpoint;
    this.state = stateOf(account, checkpoint ?? NO_CHECKPOINT);
    this.#options = options;
    this.#freshness = new Freshness(options.clock);
  }

  /**
   * Reads checkpoint and tail; of an account that was never created gives a log at `q` 0. Without a head, or with one
   * that the journal does not reach down to any more, the base is where reading starts.
   * @throws MailError `unavailable`, also where the journal has a gap
   */
  static async open(account: AccountId, store: JournalStore, options: AccountLogOptions): Promise<AccountLog> {
    const head = await store.readCheckpoint(account);
    const log = new AccountLog(account, store, head, options);
    const failure = await log.refresh().then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    const isSound = failure === undefined && (head !== undefined || log.state.q > 0);
    if (isSound) return log;
    const base = failure !== undefined && !log.isLost ? undefined : await store.readCheckpoint(account, 'base');
    if (base === undefined) {
      if (failure !== undefined) throw failure.error;
      return log;
    }
    const fromBase = new AccountLog(account, store, base, options);
    fromBase.isOnBase = true;
    await fromBase.refresh();
    return fromBase;
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

  /** As `tick`, with the time. */
  begin(): { readonly tick: number; readonly at: Instant } {
    return { tick: this.tick(), at: this.#freshness.now() };
  }

  /** A read to the journal's end, or an insert of the next record before everybody else's, that began then, is done. */
  markVerified({ tick, at }: { readonly tick: number; readonly at: Instant }): void {
    this.#verifiedTick = Math.max(this.#verifiedTick, tick);
    this.#freshness.markVerified(at);
  }

  /** True once the journal no longer tells what came after the state: this log is of no use any more. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** True where a commit must not be decided before the journal has been read: its state is old, or it was broken. */
  get isDoubtful(): boolean {
    return this.#isLost || this.#isBroken || this.#freshness.isOld;
  }

  /**
   * For a record that was inserted while this process, or its time, stood still: whoever comes after the removal of
   * what followed finds its place vacant, and what is inserted there is read by nobody.
   * @throws MailError `unavailable` where that is so, and nothing was done
   */
  async requireReadable(q: number): Promise<void> {
    if (!this.#freshness.isOld) return;
    const head = await this.store.readCheckpoint(this.account);
    const base = await this.store.readCheckpoint(this.account, 'base');
    const isClosed = head?.isClosed === true && head.q >= q;
    if (isClosed || (base?.q ?? 0) >= q || !(await this.#isAnyLeft(q - 1, head, base))) throw this.#lose();
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
    if (this.#isLost) throw brokenJournal('the state is older than the journal');
    const begun = this.begin();
    const wasOld = this.#freshness.isOld;
    try {
      await this.#readToEnd();
      if (wasOld) await this.#requireNothingRemoved();
    } catch (error) {
      // A database that does not answer says nothing of the journal.
      this.#isBroken ||= isBrokenJournal(error);
      throw error;
    }
    this.#isBroken = false;
    this.markVerified(begun);
  }

  async #readToEnd(): Promise<void> {
    let looks = 0;
    for (;;) {
      const { records, beyond } = await this.store.readAfter(this.account, this.state.q, PAGE);
      await this.#applyRead(records);
      if (beyond !== undefined) {
        await this.#requireFloorBelow();
        looks = records.length > 0 ? 1 : looks + 1;
        if (looks >= LOOKS_AT_GAP) throw this.#break(`records ${this.state.q + 1} to ${beyond - 1} are missing`);
        await sleep(LOOK_PAUSE_MS);
      } else if (records.length < PAGE) return;
    }
  }

  async #applyRead(records: readonly JournalRecord[]): Promise<void> {
    try {
      for (const record of records) this.apply(record);
    } catch (error) {
      if (!isBrokenJournal(error)) throw error;
      await this.#requireFloorBelow();
      throw this.#break(String(error.cause));
    }
  }

  async #requireFloorBelow(): Promise<void> {
    const base = await this.store.readCheckpoint(this.account, 'base');
    if (base !== undefined && base.q > this.state.q) throw this.#lose();
  }

  /** A tail read after a long time may have met the place of records that were removed since. */
  async #requireNothingRemoved(): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      const base = await this.store.readCheckpoint(this.account, 'base');
      const head = await this.store.readCheckpoint(this.account);
      if (Math.max(head?.q ?? 0, base?.q ?? 0) <= this.state.q) {
        if (await this.#isAnyLeft(this.state.q, head, base)) return;
        throw this.#lose();
      }
      // Somebody may have committed and written down what came after the tail was read.
      if (attempt > 1) throw this.#lose();
      await this.#readToEnd();
    }
  }

  /** False where the whole account was removed: neither checkpoint nor the record `q` is there. */
  async #isAnyLeft(q: number, head: Checkpoint | undefined, base: Checkpoint | undefined): Promise<boolean> {
    if (q === 0 || head !== undefined || base !== undefined) return true;
    return (await this.store.readAfter(this.account, q - 1, 1)).records.length > 0;
  }

  /** Sessions and watchers end: what they were shown cannot be brought up to date. */
  #lose(): Error {
    if (!this.#isLost) {
      this.#isLost = true;
      for (const sessions of [...this.sessions.values()])
        for (const session of [...sessions]) session.deliver({ kind: 'deleted', q: this.state.q });
      for (const watcher of [...this.watchers]) watcher.end();
    }
    return brokenJournal('the state is older than the journal');
  }

  #break(what: string): Error {
    if (!this.#isBroken) this.#options.onDamage?.(what);
    this.#isBroken = true;
    return brokenJournal(`a gap in the journal: ${what}`);
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
    for (const watcher of [...this.watchers]) {
      watcher.tell(told);
      if (this.state.isClosed) watcher.end();
    }
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

  /**
   * The records after the checkpoint up to the state, from memory where they are there; undefined where one is gone,
   * for the checkpoint is an old one and they were removed. @throws MailError `unavailable`
   */
  async recordsSinceCheckpoint(): Promise<readonly JournalRecord[] | undefined> {
    const after = this.checkpoint?.q ?? 0;
    const read: JournalRecord[] = [];
    for (;;) {
      const q = read.at(-1)?.q ?? after;
      const kept = this.keptAfter(q);
      if (kept !== undefined) return [...read.filter((record) => record.q <= this.state.q), ...kept];
      const { records } = await this.store.readAfter(this.account, q, PAGE);
      if (records.length === 0) return undefined;
      read.push(...records);
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
    this.isOnBase = false;
    this.#tail = this.#tail.filter((record) => record.q > checkpoint.q);
    this.#keptOctets = this.#tail.reduce((sum, record) => sum + recordOctets(record), 0);
    this.tailOctets = this.#keptOctets;
    for (const [, columns] of this.state.loadedColumns()) columns.tombstones.dropUpTo(checkpoint.q);
  }

  /** Looks at what is written down by now; a head that is gone is made again. @throws MailError `unavailable` */
  async rereadCheckpoint(): Promise<void> {
    let checkpoint = await this.store.readCheckpoint(this.account);
    if (checkpoint === undefined && this.checkpoint !== undefined) {
      await this.rebuildHead();
      checkpoint = await this.store.readCheckpoint(this.account);
    }
    if (checkpoint === undefined) return;
    if (checkpoint.q > this.state.q) await this.refresh();
    if (checkpoint.q > this.state.q) throw brokenJournal(`records up to ${checkpoint.q} are missing`);
    this.useCheckpoint(checkpoint);
  }

  /**
   * Segments of the checkpoint were not found: it was replaced, or they are lost, and then the head is made again.
   * @throws MailError `unavailable`
   */
  async rereadForSegments(): Promise<void> {
    const met = this.checkpoint?.rev;
    await this.rereadCheckpoint();
    this.#misses = this.checkpoint?.rev === met ? this.#misses + 1 : 0;
    if (this.#misses < MOST_MISSES) return;
    this.#misses = 0;
    await this.rebuildHead();
    await this.rereadCheckpoint();
  }

  /** True while sessions or watchers hold on to the account. */
  get isHeld(): boolean {
    return this.sessions.size > 0 || this.watchers.size > 0;
  }
}
