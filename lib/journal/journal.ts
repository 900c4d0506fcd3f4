import type { AccountId, MailboxId, MessageId, Uid } from '../kernel/ids.ts';
import type { ZonedTime } from '../kernel/clock.ts';

/** System flags as bits (RFC 3501 section 2.3.2); `\Recent` is not one, it belongs to sessions. */
export const SystemFlag = { seen: 1, answered: 2, flagged: 4, deleted: 8, draft: 16 } as const;

/** RFC 6154; spelled with the backslash that clients see. */
export type SpecialUse = '\\All' | '\\Archive' | '\\Drafts' | '\\Flagged' | '\\Junk' | '\\Sent' | '\\Trash';

export interface FlagSet {
  /** Sum of SystemFlag bits. */
  readonly system: number;
  /** Keywords as first spelled in the mailbox; compared without regard to case. */
  readonly keywords: readonly string[];
}

/** A mailbox's header at one moment: the answer to STATUS and LIST without touching a message. */
export interface MailboxInfo {
  readonly id: MailboxId;
  /** Levels joined by `/`, UTF-8 in NFC; `INBOX` in capitals. */
  readonly path: string;
  readonly specialUse: SpecialUse | undefined;
  /** True where the name stands only for its children (`\Noselect`). */
  readonly isNoselect: boolean;
  readonly isSubscribed: boolean;
  readonly uidValidity: number;
  readonly uidNext: number;
  readonly highestModSeq: number;
  readonly messages: number;
  readonly unseen: number;
  readonly deleted: number;
  /** Sum of the sizes of the live messages. */
  readonly octets: number;
  readonly keywords: readonly string[];
  /** RFC 8474 MAILBOXID is `id`. */
  readonly createdAt: number;
}

/** One live message in one mailbox. */
export interface MessageRow {
  readonly uid: Uid;
  readonly messageId: MessageId;
  readonly flags: FlagSet;
  readonly modseq: number;
  /** RFC822.SIZE in octets. */
  readonly size: number;
  /** Size with CRLF line ends, as POP3 counts. */
  readonly crlfSize: number;
  readonly internalDate: ZonedTime;
  readonly sentDate: ZonedTime | undefined;
  /** When it came into this mailbox (RFC 8514), ms since 1970. */
  readonly savedAt: number;
  readonly thread: MessageId;
}

/** What an append needs to know of message data that is already durable. */
export interface NewMessage {
  readonly messageId: MessageId;
  readonly size: number;
  readonly crlfSize: number;
  readonly flags: FlagSet;
  readonly internalDate: ZonedTime;
  readonly sentDate: ZonedTime | undefined;
  readonly thread: MessageId;
}

/**
 * What happened in one mailbox through one journal record, told synchronously when the record is applied, in
 * order of `q`; `uids` name messages that it touched, never others. `gone` is the last state of what an expunge
 * took, so that a session may serve it until it has announced the expunge; it stays as it is, and is empty where nobody
 * in this process has the mailbox open.
 */
export type MailboxEvent =
  | { readonly kind: 'appended'; readonly q: number; readonly uids: UidRanges }
  | { readonly kind: 'flags-changed'; readonly q: number; readonly uids: UidRanges }
  | {
      readonly kind: 'expunged';
      readonly q: number;
      readonly uids: UidRanges;
      readonly gone: ColumnView;
    }
  | { readonly kind: 'renamed'; readonly q: number; readonly path: string }
  | { readonly kind: 'deleted'; readonly q: number };

/** What happened in an account, for the API's update stream and for LIST-like watchers. */
export interface AccountEvent {
  readonly q: number;
  readonly mailboxes: readonly { readonly id: MailboxId; readonly events: readonly MailboxEvent[] }[];
}

/** Inclusive ranges of UIDs in ascending order, never expanded; `to` may exceed what exists. */
export type UidRanges = readonly { readonly from: number; readonly to: number }[];

/** A mailbox by its id, or by the path that it has at the moment of the commit. */
export type MailboxRef = MailboxId | { readonly path: string };

export interface CommitOptions {
  /** Monotonic milliseconds after which the outcome is given up as unavailable or unknown. */
  readonly deadline?: number;
}

/**
 * Mail as the front ends see it. Every function takes the account first. Failures are MailErrors; an account
 * that is removed is `user-not-found`; trouble behind is `unavailable`, an undecided commit `outcome-unknown`.
 */
export interface Mailboxes {
  /** Of one mailbox, that STORE and APPEND may make. */
  readonly maxKeywords: number;
  /** Writes an account's first record. A retry with the same account is a no-op. */
  createAccount(account: AccountId, init: AccountInit): Promise<void>;
  /**
   * Closes the journal for good; every later operation but this one fails with `user-not-found`.
   * @returns the highest UIDVALIDITY that the account has given
   */
  closeAccount(account: AccountId): Promise<{ readonly uidValidity: number }>;
  /** Quota and usage of messages, octets; reads the journal's tail where it must. */
  usage(
    account: AccountId,
  ): Promise<{ readonly octets: number; readonly messages: number; readonly quotaOctets: number }>;
  setQuota(account: AccountId, quotaOctets: number): Promise<void>;

  /** All mailboxes, INBOX first, then by path; current as of the call (at most one tiny read when warm). */
  list(account: AccountId): Promise<readonly MailboxInfo[]>;
  /** Subscribed names, whether or not a mailbox of that name exists. */
  subscriptions(account: AccountId): Promise<readonly string[]>;
  find(account: AccountId, path: string): Promise<MailboxInfo | undefined>;
  get(account: AccountId, mailbox: MailboxId): Promise<MailboxInfo | undefined>;
  /** Creates missing parents too. @throws `mailbox-exists`, `mailbox-name-invalid`, `limit` */
  create(
    account: AccountId,
    path: string,
    options?: { readonly specialUse?: SpecialUse; readonly subscribe?: boolean },
  ): Promise<MailboxInfo>;
  /** With all children in one record; of INBOX: moves its messages to a new mailbox (RFC 3501 6.3.5). */
  rename(account: AccountId, from: string, to: string): Promise<void>;
  /** Never touches children: with children the name stays as `\Noselect`. @throws `mailbox-not-permitted` for INBOX */
  remove(account: AccountId, path: string): Promise<void>;
  setSubscribed(account: AccountId, path: string, isSubscribed: boolean): Promise<void>;

  /**
   * Loads the columns, current as of the call. Only a read-write open takes `\Recent` away from later ones.
   * @throws `mailbox-not-found`, also for `\Noselect` names
   */
  open(account: AccountId, mailbox: MailboxRef, options?: { readonly isReadOnly?: boolean }): Promise<OpenMailbox>;
  /** One record for all messages. @throws `mailbox-not-found`, `over-quota`, `limit` */
  append(
    account: AccountId,
    mailbox: MailboxRef,
    messages: readonly NewMessage[],
    options?: CommitOptions,
  ): Promise<AppendResult>;
  /**
   * The journal's half of a delivery: exactly once per message id. With `existedSinceQ` (from Messages.store) the
   * journal is searched from there on, and an earlier delivery of that message answers with its UID.
   */
  deliver(account: AccountId, delivery: Delivery, options?: CommitOptions): Promise<AppendResult>;

  /**
   * Messages that were expunged within the undelete window, or went with a mailbox that was deleted, those that went
   * last first. Not among them: what was moved to another mailbox, and what was restored.
   * @param page `cursor`: of a message of this list, to go on behind it; `before`: such a cursor, for those in front
   *   of it, the nearest first
   * @throws `invalid-input` for a cursor that is none
   */
  expunged(
    account: AccountId,
    page: ExpungedChoice & { readonly limit: number; readonly cursor?: string; readonly before?: string },
  ): Promise<ExpungedPage>;
  /**
   * Appends expunged messages anew, all in one record, with new UIDs, their flags but `\Deleted` and their internal
   * dates: into `target`, or each into the mailbox that it was in, or INBOX where that one is deleted. To restore a
   * message twice does nothing the second time.
   * @param ids of ExpungedMessages
   * @throws `over-quota`, `limit`, `mailbox-not-found` where `target` is not there
   */
  restore(
    account: AccountId,
    ids: readonly string[],
    options?: CommitOptions & { readonly target?: MailboxRef },
  ): Promise<RestoreResult>;
  /**
   * Restores whatever of the expunged is chosen, as `restore` does: in the order that they had in their mailboxes, and
   * in as many records as it takes. Broken off, it has restored a part; called again, it goes on with the rest.
   * @returns how many came back, and how many were chosen but had gone for good or were restored meanwhile
   * @throws `over-quota`, `limit`, `mailbox-not-found` where `target` is not there
   */
  restoreAll(
    account: AccountId,
    choice: ExpungedChoice,
    options?: { readonly target?: MailboxRef },
  ): Promise<{ readonly restored: number; readonly notRestored: number }>;

  /**
   * Tells every record that is applied in this process, from the call on or soon after it.
   * @param onEnd called once where nothing more will be told: the account is not there or closed, could not be read,
   *   or its journal does not tell any more what came after the last event; whoever listened looks anew
   * @returns stops it, without a word
   */
  watch(account: AccountId, listener: (event: AccountEvent) => void, onEnd: () => void): () => void;
  /** The account's journal position as this process knows it; 0 where not loaded. No I/O. */
  knownQ(account: AccountId): number;
}

/** Which of the messages that are gone: those of which all that is given holds. */
export interface ExpungedChoice {
  /** Where it was, which may be deleted by now. */
  readonly mailbox?: MailboxId;
  /** The path of that mailbox, as ExpungedMessage has it. */
  readonly path?: string;
  /** Milliseconds since 1970, both inclusive. */
  readonly goneSince?: number;
  readonly goneUntil?: number;
}

/** A message that is gone and can be brought back, as it was when it went. */
export interface ExpungedMessage {
  /** 32 hexadecimal digits; names it to `restore`. */
  readonly id: string;
  readonly messageId: MessageId;
  readonly thread: MessageId;
  /** Where it was. */
  readonly mailbox: MailboxId;
  /** That mailbox's path now, or when it was deleted; undefined where that is forgotten. */
  readonly path: string | undefined;
  readonly isMailboxDeleted: boolean;
  /** What its UID was. */
  readonly uid: Uid;
  readonly flags: FlagSet;
  /** RFC822.SIZE in octets. */
  readonly size: number;
  readonly internalDate: ZonedTime;
  readonly sentDate: ZonedTime | undefined;
  /** Milliseconds since 1970. */
  readonly expungedAt: number;
  /** The record that took it. */
  readonly q: number;
}

export interface ExpungedPage {
  /** Of all pages. */
  readonly total: number;
  readonly messages: readonly ExpungedMessage[];
  /** For the next page; undefined where this is the last. */
  readonly cursor: string | undefined;
}

/** Where an expunged message came to be again. */
export interface RestoredMessage {
  /** Of the ExpungedMessage. */
  readonly id: string;
  readonly messageId: MessageId;
  readonly mailbox: MailboxId;
  readonly uidValidity: number;
  readonly uid: Uid;
}

export interface RestoreResult {
  readonly restored: readonly RestoredMessage[];
  /** Ids of what is not there any more, was restored before, or never was. */
  readonly notRestored: readonly string[];
}

export interface AccountInit {
  /** 0: no quota. */
  readonly quotaOctets: number;
  /** UIDVALIDITYs begin above it: those of an earlier account of the same user name must not come back. */
  readonly uidValidityAbove?: number;
  readonly mailboxes: readonly {
    readonly path: string;
    readonly specialUse?: SpecialUse;
    readonly subscribe: boolean;
  }[];
}

export interface Delivery {
  readonly message: NewMessage;
  /** Path of the target; INBOX where it does not exist. */
  readonly mailboxPath: string;
  readonly existedSinceQ: number | undefined;
}

export interface AppendResult {
  readonly mailbox: MailboxId;
  readonly uidValidity: number;
  readonly uids: readonly Uid[];
  readonly modseq: number;
}

export type FlagChange = { readonly mode: 'replace' | 'add' | 'remove'; readonly flags: FlagSet };

/**
 * One mailbox opened by one session: a view of the columns that all sessions of the process share, plus this
 * session's events. Rows and UIDs are read synchronously from memory.
 */
export interface OpenMailbox {
  readonly id: MailboxId;
  /** Live: changes as records are applied. */
  info(): MailboxInfo;
  /**
   * UIDs of the live messages in ascending order, an immutable view shared by all sessions: appends give a longer
   * view of the same memory, expunges a new array. Never written to by the receiver.
   */
  uids(): Uint32Array;
  row(uid: number): MessageRow | undefined;
  /** Rows in UID order for the ranges; no copy of the columns is made. */
  rows(ranges: UidRanges): Iterable<MessageRow>;
  /** Without building rows: modseq and flags by position in `uids()`, for FETCH FLAGS and SEARCH at speed. */
  columns(): ColumnView;
  /** `\Recent` for this session: UIDs from here on (RFC 3501 2.3.2). A read-write open advances the mark. */
  readonly recentFrom: number;
  /** Hears every MailboxEvent from the moment `open` resolved. At most one listener; errors in it are fatal. */
  onEvent(listener: (event: MailboxEvent) => void): void;
  /** Catches up with other processes; resolves when the journal's tail as of the call is applied. */
  refresh(): Promise<void>;
  /**
   * One record whatever the number of messages. UIDs that are gone are passed over.
   * @returns the UIDs not changed because of `unchangedSince` (RFC 7162 3.1.3), and the UIDs changed
   */
  storeFlags(
    uids: UidRanges,
    change: FlagChange,
    options?: CommitOptions & { readonly unchangedSince?: number },
  ): Promise<{ readonly changed: UidRanges; readonly modified: UidRanges; readonly modseq: number }>;
  /** Removes what carries `\Deleted`, within `uids` if given; `force` removes regardless of the flag (POP3, API). */
  expunge(
    uids: UidRanges | undefined,
    options?: CommitOptions & { readonly force?: boolean },
  ): Promise<{ readonly uids: readonly Uid[]; readonly modseq: number }>;
  /** @returns source and target UIDs in parallel. Within one account; data is never touched. */
  copy(uids: UidRanges, target: MailboxRef, options?: CommitOptions): Promise<CopyResult>;
  move(uids: UidRanges, target: MailboxRef, options?: CommitOptions): Promise<CopyResult>;
  /**
   * UIDs expunged after `modseq`, for VANISHED (RFC 7162 section 3.2.10.1), of those that the client has; where
   * expunges of that time are forgotten, all of those that are not there.
   */
  vanishedSince(modseq: number, known?: UidRanges): Promise<UidRanges>;
  close(): void;
}

export interface CopyResult {
  readonly target: MailboxId;
  readonly uidValidity: number;
  readonly sourceUids: readonly Uid[];
  readonly targetUids: readonly Uid[];
  readonly modseq: number;
}

/** Columns by position (0-based) in UID order; valid until the next event of the mailbox. */
export interface ColumnView {
  readonly count: number;
  uid(position: number): Uid;
  modseq(position: number): number;
  systemFlags(position: number): number;
  keywords(position: number): readonly string[];
  size(position: number): number;
  internalDate(position: number): ZonedTime;
  sentDate(position: number): ZonedTime | undefined;
  savedAt(position: number): number;
  messageId(position: number): MessageId;
  thread(position: number): MessageId;
  /** Position of the first UID ≥ the given one; `count` where there is none. Binary search. */
  lowerBound(uid: number): number;
}
