import { decodeRawDocument } from '../db/index.ts';
import type { AccountId, MailboxId, MessageId } from '../kernel/ids.ts';
import { AccountState } from './account-state.ts';
import { applyRecord } from './apply.ts';
import type { Change } from './changes.ts';
import { stateOf, type Checkpoint } from './checkpoint.ts';
import { decodeStoredCheckpoint } from './checkpoints-collection.ts';
import { Columns } from './columns.ts';
import { addToTally, newTally } from './copied-rows.ts';
import { keyIn, packedIn, qOf, segmentsOf, type JournalEntry } from './export-account.ts';
import type { MailboxInfo, MessageRow } from './journal.ts';
import { listOf } from './mailbox-info.ts';
import { decodeRecord, type StoredRecord } from './record-codec.ts';
import { addRowSegment } from './segments.ts';

/** An exported journal is not whole, or not of this account. */
export class UnusableExport extends Error {
  override readonly name = 'UnusableExport';
}

/** An account as its exported journal says it was. */
export interface FoldedAccount {
  /** The journal's own. */
  readonly account: AccountId;
  readonly q: number;
  /** Time of the last record that was taken, ms since 1970; undefined where a checkpoint was all. */
  readonly at: number | undefined;
  readonly isClosed: boolean;
  readonly octets: number;
  readonly messages: number;
  readonly quotaOctets: number;
  /** The highest UIDVALIDITY that it has given. */
  readonly uidValidity: number;
  readonly mailboxes: readonly MailboxInfo[];
  /** In order of UID. */
  rows(mailbox: MailboxId): Iterable<MessageRow>;
  /** Of live messages, each once. */
  messageIds(): ReadonlySet<MessageId>;
  /** Expunges messages wherever they are, for their content is not to be had. */
  leaveOut(messageIds: ReadonlySet<MessageId>): void;
}

/**
 * Folds what `JournalExport.read` gave, in that order, in memory: rows of all messages at about 70 octets each, and of
 * the records one at a time.
 */
export class ExportFold {
  readonly #account: AccountId;
  readonly #until: number;
  #start: { readonly checkpoint: Checkpoint; readonly segments: Map<string, Buffer> } | undefined;
  #state: AccountState;
  #at: number | undefined;
  #isPast = false;
  #isBegun = false;

  /** @param until records from the first one after this moment on are left out, ms since 1970 */
  constructor(account: AccountId, until = Infinity) {
    this.#account = account;
    this.#until = until;
    this.#state = new AccountState(account);
  }

  /** @throws UnusableExport, MailError `unavailable` for what this program does not know */
  add({ kind, raw }: Pick<JournalEntry, 'kind' | 'raw'>): void {
    const key = keyIn(raw);
    if (key.toString('hex', 0, 12) !== this.#account) throw new UnusableExport('it is the journal of another account');
    if (kind === 'checkpoint') this.#begin(decodeStoredCheckpoint(decodeRawDocument(raw)));
    else if (kind === 'segment') this.#start?.segments.set(key.toString('hex'), packedIn(raw));
    else this.#apply(raw);
  }

  #begin(checkpoint: Checkpoint): void {
    // What is known is older than the moment that is wanted, and what lies between is not there to be looked at.
    if (this.#isPast) return;
    this.#start = { checkpoint, segments: new Map() };
    this.#isBegun = true;
  }

  #apply(raw: Buffer): void {
    if (this.#isPast) return;
    const q = qOf(raw);
    const record = decodeRecord(q, decodeRawDocument(raw) as unknown as StoredRecord);
    if (record.at > this.#until) {
      if (this.#start !== undefined)
        throw new UnusableExport('of the time before that moment the journal was not kept');
      this.#isPast = true;
      return;
    }
    this.#loadStart();
    if (q <= this.#state.q) return;
    if (q !== this.#state.q + 1)
      throw new UnusableExport(`records ${String(this.#state.q + 1)} to ${String(q - 1)} of the journal are missing`);
    applyRecord(this.#state, record);
    this.#at = record.at;
    this.#isBegun = true;
  }

  /** Columns of what the checkpoint names, once all of its segments have come. */
  #loadStart(): void {
    if (this.#start === undefined) return;
    const { checkpoint, segments } = this.#start;
    this.#start = undefined;
    const state = stateOf(this.#account, checkpoint);
    const columns = new Map<MailboxId, Columns>();
    for (const { id, isNoselect } of state.mailboxes.values()) if (!isNoselect) columns.set(id, new Columns());
    for (const { key, mailbox, count, isRows } of segmentsOf(this.#account, checkpoint)) {
      const packed = segments.get(key.toString('hex'));
      const own = columns.get(mailbox);
      if (!isRows || own === undefined) continue;
      if (packed === undefined) throw new UnusableExport('a segment that the checkpoint names is missing');
      addRowSegment(own, packed, count);
    }
    for (const [id, own] of columns) state.loadColumns(id, own);
    this.#state = state;
  }

  /** @throws UnusableExport where nothing was there, or nothing as old as was asked for */
  end(): FoldedAccount {
    this.#loadStart();
    if (!this.#isBegun) throw new UnusableExport('there is nothing of the account, or nothing that old');
    return new Folded(this.#state, this.#at);
  }
}

class Folded implements FoldedAccount {
  readonly state: AccountState;
  readonly at: number | undefined;

  constructor(state: AccountState, at: number | undefined) {
    this.state = state;
    this.at = at;
  }

  get account(): AccountId {
    return this.state.account;
  }

  get q(): number {
    return this.state.q;
  }

  get isClosed(): boolean {
    return this.state.isClosed;
  }

  get octets(): number {
    return this.state.octets;
  }

  get messages(): number {
    return this.state.messages;
  }

  get quotaOctets(): number {
    return this.state.quotaOctets;
  }

  get uidValidity(): number {
    return this.state.uidValidity;
  }

  get mailboxes(): readonly MailboxInfo[] {
    return listOf(this.state);
  }

  *rows(mailbox: MailboxId): Generator<MessageRow, void, undefined> {
    const columns = this.state.columns(mailbox);
    const header = this.state.mailboxes.get(mailbox);
    if (columns === undefined || header === undefined) return;
    for (let at = 0; at < columns.count; at += 1) yield columns.row(at, header.keywords);
  }

  messageIds(): ReadonlySet<MessageId> {
    const ids = new Set<MessageId>();
    for (const mailbox of this.state.mailboxes.keys()) {
      const columns = this.state.columns(mailbox);
      for (let at = 0; at < (columns?.count ?? 0); at += 1) if (columns !== undefined) ids.add(columns.messageId(at));
    }
    return ids;
  }

  leaveOut(messageIds: ReadonlySet<MessageId>): void {
    const changes: Change[] = [];
    for (const mailbox of this.state.mailboxes.keys()) {
      const columns = this.state.columns(mailbox);
      if (columns === undefined) continue;
      const uids: { from: number; to: number }[] = [];
      const tally = newTally();
      for (let at = 0; at < columns.count; at += 1) {
        if (!messageIds.has(columns.messageId(at))) continue;
        uids.push({ from: columns.uid(at), to: columns.uid(at) });
        addToTally(tally, columns, at);
      }
      if (uids.length > 0) changes.push({ kind: 'expunge', mailbox, uids, ...tally });
    }
    if (changes.length === 0) return;
    applyRecord(this.state, { q: this.state.q + 1, at: this.at ?? 0, token: '', changes });
  }
}

/** The state behind a folded account. @throws TypeError where it is not one of ExportFold's */
export function stateBehind(folded: FoldedAccount): AccountState {
  if (folded instanceof Folded) return folded.state;
  throw new TypeError('only what was folded here can be imported');
}
