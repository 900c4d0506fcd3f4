import type { AccountId, MailboxId, MessageId } from '../kernel/ids.ts';
import { Columns } from './columns.ts';
import type { SpecialUse, UidRanges } from './journal.ts';
import type { KeywordTable } from './keywords.ts';
import { isBelow } from './mailbox-path.ts';

/** What is known of a mailbox without its messages. Immutable: a change makes a new one. */
export interface MailboxHeader {
  readonly id: MailboxId;
  readonly path: string;
  readonly specialUse: SpecialUse | undefined;
  readonly isNoselect: boolean;
  readonly uidValidity: number;
  readonly uidNext: number;
  readonly highestModSeq: number;
  readonly messages: number;
  readonly unseen: number;
  readonly deleted: number;
  readonly octets: number;
  readonly keywords: KeywordTable;
  readonly createdAt: number;
  /** UIDs from here on were not yet shown as `\Recent` to a read-write session. */
  readonly recentFrom: number;
}

/** A deleted mailbox, kept for the window in which its messages' data must outlive it. */
export interface RemovedMailbox {
  readonly header: MailboxHeader;
  readonly removedAt: number;
  readonly q: number;
}

/** Where a delivery went: the answer to its retries. */
export interface DeliveredTo {
  readonly mailbox: MailboxId;
  readonly uidValidity: number;
  readonly uid: number;
  readonly q: number;
}

/** The record that said that message data may be deleted. */
export interface SweptBy {
  readonly q: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** Expunged messages of a mailbox that were put back: they are not offered again. */
export interface RestoredMessages {
  readonly mailbox: MailboxId;
  readonly uids: UidRanges;
  /** Milliseconds since 1970; their tombstones are older. */
  readonly at: number;
}

/** What columns will become once a record that is not committed yet has been. */
export type PendingColumnChange = (columns: Columns) => void;

const MOST_DELIVERIES = 20_000;
/** Only appends that were under way at a sweep ask for them. */
const MOST_SWEPT = 20_000;

/**
 * The fold of an account's journal up to `q`. `apply` alone changes it. A *fork* is an independent copy on which
 * commands are decided that depend on records still in flight; it copies the columns of a mailbox only when a
 * decision looks at columns that such a record changed.
 */
export class AccountState {
  readonly account: AccountId;
  q = 0;
  /** Of the record `q`, '' where it is not known: the next one says whose successor it is. */
  lastToken = '';
  isClosed = false;
  quotaOctets = 0;
  octets = 0;
  messages = 0;
  /** The highest UIDVALIDITY given so far. */
  uidValidity = 0;
  /** Sum of the headers' sizes in octets, by estimate. */
  headerOctets = 0;
  readonly removed: Map<MailboxId, RemovedMailbox>;
  readonly subscriptions: Set<string>;
  /** Deliveries since `deliveriesFrom`, by message id, oldest first. */
  readonly deliveries = new Map<MessageId, DeliveredTo>();
  /** All deliveries by records after this one are in `deliveries`. */
  deliveriesFrom = 0;
  /** By message id: the last sweep that named it, of those after `sweptFrom`, the latest last. */
  readonly swept = new Map<MessageId, SweptBy>();
  /** What sweeps up to here named may be forgotten. */
  sweptFrom: SweptBy = { q: 0, at: 0 };
  /** Oldest first; replaced, never changed. */
  restored: readonly RestoredMessages[] = [];
  readonly #parent: AccountState | undefined;
  readonly #mailboxes: Map<MailboxId, MailboxHeader>;
  readonly #byPath: Map<string, MailboxId>;
  readonly #columns = new Map<MailboxId, Columns>();
  readonly #pending = new Map<MailboxId, PendingColumnChange[]>();

  constructor(account: AccountId, parent?: AccountState) {
    this.account = account;
    this.#parent = parent;
    this.#mailboxes = new Map(parent?.mailboxes);
    this.#byPath = new Map(
      parent === undefined ? [] : [...parent.mailboxes.values()].map(({ path, id }) => [path, id]),
    );
    this.subscriptions = new Set(parent?.subscriptions);
    this.removed = new Map(parent?.removed);
    if (parent === undefined) return;
    this.q = parent.q;
    this.lastToken = parent.lastToken;
    this.sweptFrom = parent.sweptFrom;
    this.restored = parent.restored;
    this.isClosed = parent.isClosed;
    this.quotaOctets = parent.quotaOctets;
    this.octets = parent.octets;
    this.messages = parent.messages;
    this.uidValidity = parent.uidValidity;
    this.headerOctets = parent.headerOctets;
    this.deliveriesFrom = parent.deliveriesFrom;
  }

  fork(): AccountState {
    return new AccountState(this.account, this);
  }

  get isFork(): boolean {
    return this.#parent !== undefined;
  }

  get mailboxes(): ReadonlyMap<MailboxId, MailboxHeader> {
    return this.#mailboxes;
  }

  byPath(path: string): MailboxHeader | undefined {
    const id = this.#byPath.get(path);
    return id === undefined ? undefined : this.#mailboxes.get(id);
  }

  hasChildren(path: string): boolean {
    for (const header of this.#mailboxes.values()) if (isBelow(header.path, path)) return true;
    return false;
  }

  put(header: MailboxHeader): void {
    const previous = this.#mailboxes.get(header.id);
    if (previous?.path !== header.path || previous.keywords !== header.keywords) {
      this.headerOctets += headerOctets(header) - (previous === undefined ? 0 : headerOctets(previous));
    }
    if (previous !== undefined && previous.path !== header.path && this.#byPath.get(previous.path) === header.id) {
      this.#byPath.delete(previous.path);
    }
    this.#mailboxes.set(header.id, header);
    this.#byPath.set(header.path, header.id);
  }

  /** The same keywords at other positions, of a mailbox that is there or was lately. */
  changeTable(id: MailboxId, keywords: KeywordTable): void {
    const header = this.#mailboxes.get(id);
    if (header !== undefined) this.put({ ...header, keywords });
    const removed = this.removed.get(id);
    if (removed !== undefined) this.removed.set(id, { ...removed, header: { ...removed.header, keywords } });
  }

  delete(id: MailboxId): void {
    const header = this.#mailboxes.get(id);
    if (header === undefined) return;
    this.headerOctets -= headerOctets(header);
    this.#mailboxes.delete(id);
    if (this.#byPath.get(header.path) === id) this.#byPath.delete(header.path);
  }

  delivery(messageId: MessageId): DeliveredTo | undefined {
    return this.deliveries.get(messageId) ?? this.#parent?.delivery(messageId);
  }

  addDelivery(messageId: MessageId, to: DeliveredTo): void {
    this.deliveries.set(messageId, to);
    if (this.deliveries.size <= MOST_DELIVERIES) return;
    for (const [oldest, { q }] of this.deliveries) {
      this.deliveries.delete(oldest);
      this.deliveriesFrom = Math.max(this.deliveriesFrom, q);
      break;
    }
  }

  addSwept(messageId: MessageId, by: SweptBy): void {
    this.swept.delete(messageId);
    this.swept.set(messageId, by);
    if (this.swept.size <= MOST_SWEPT) return;
    const [oldest] = this.swept;
    if (oldest === undefined) return;
    this.swept.delete(oldest[0]);
    // One record may name more than are remembered: all of it then counts as forgotten.
    this.sweptFrom = oldest[1];
  }

  /** The `q` of the last sweep that named the message, or may have; 0 where there was none. */
  sweptAt(messageId: MessageId): number {
    const own = this.swept.get(messageId)?.q;
    return own ?? Math.max(this.sweptFrom.q, this.#parent?.sweptAt(messageId) ?? 0);
  }

  /** Forgets sweeps of before: no append that was under way then is still to come. */
  forgetSwept(before: number): void {
    for (const [messageId, { at }] of this.swept) if (at < before) this.swept.delete(messageId);
    if (this.sweptFrom.at < before) this.sweptFrom = { q: 0, at: 0 };
  }

  /** The mailbox's columns as of `q`, undefined where they are not loaded. Of a fork: for reading only. */
  columns(id: MailboxId): Columns | undefined {
    const own = this.#columns.get(id);
    if (own !== undefined || this.#parent === undefined) return own;
    const pending = this.#pending.get(id);
    if (pending === undefined) return this.#parent.columns(id);
    const base = this.#parent.columns(id);
    if (base === undefined && this.#parent.mailboxes.has(id)) return undefined;
    const copy = base?.clone() ?? new Columns();
    for (const change of pending) change(copy);
    this.#columns.set(id, copy);
    return copy;
  }

  /** Applies a change to the columns: at once where they are loaded, in a fork when somebody looks. */
  changeColumns(id: MailboxId, change: PendingColumnChange): void {
    const own = this.#columns.get(id);
    if (own !== undefined) change(own);
    else if (this.#parent !== undefined) {
      const pending = this.#pending.get(id);
      if (pending === undefined) this.#pending.set(id, [change]);
      else pending.push(change);
    }
  }

  loadColumns(id: MailboxId, columns: Columns): void {
    this.#columns.set(id, columns);
  }

  unloadColumns(id: MailboxId): void {
    this.#columns.delete(id);
  }

  loadedColumns(): Iterable<[MailboxId, Columns]> {
    return this.#columns;
  }

  /** Memory held, in octets, by estimate. */
  get memoryOctets(): number {
    let sum =
      2000 +
      this.headerOctets * 2 +
      this.mailboxes.size * 300 +
      this.deliveries.size * 200 +
      this.subscriptions.size * 80;
    for (const columns of this.#columns.values()) sum += columns.octets;
    return sum;
  }
}

/** What a header takes in a checkpoint, by estimate. */
export function headerOctets(header: MailboxHeader): number {
  return 200 + Buffer.byteLength(header.path) + keywordOctets(header.keywords.names);
}

/** What keywords take of a header. */
export function keywordOctets(names: readonly string[]): number {
  return names.reduce((sum, name) => sum + name.length + 8, 0);
}
