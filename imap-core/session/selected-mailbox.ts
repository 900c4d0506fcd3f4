import type { FlagChange, FlagSet } from '../protocol/flags.ts';
import type { MailboxInfo } from '../protocol/mailbox.ts';
import type { UidRanges } from '../protocol/number-range.ts';
import type { TextTerm } from '../protocol/search-key.ts';
import type { ZonedTime } from '../protocol/zoned-time.ts';
import type { DigestField, MessageContent, MessageDigest } from './message-content.ts';

/** A message's data in one mailbox, at one moment. */
export interface MessageRow {
  readonly uid: number;
  /** Storage's name for the immutable content; opaque here. */
  readonly messageId: string;
  readonly flags: FlagSet;
  readonly modseq: number;
  /** RFC822.SIZE, in octets. */
  readonly size: number;
  readonly internalDate: ZonedTime;
  /** From the Date field; undefined where it cannot be read. */
  readonly sentDate: ZonedTime | undefined;
}

/** Rows by 0-based position in UID order, without building row objects; good until control returns to the event loop. */
export interface ColumnView {
  readonly count: number;
  uid(position: number): number;
  /** As in the row. */
  messageId(position: number): string;
  modseq(position: number): number;
  systemFlags(position: number): number;
  keywords(position: number): readonly string[];
  size(position: number): number;
  internalDate(position: number): ZonedTime;
  sentDate(position: number): ZonedTime | undefined;
  /** Position of the first UID ≥ the given one; `count` where there is none. */
  lowerBound(uid: number): number;
}

/**
 * What happened in the mailbox, by whomever, this session included. Told synchronously, after `uids()` and the rows
 * have changed, in the order of changes; a session's own change is told before its promise resolves.
 */
export type MailboxEvent =
  | { readonly kind: 'appended' }
  /** `uids` named messages that were there, each of which had just changed. */
  | { readonly kind: 'flags-changed'; readonly uids: UidRanges }
  /**
   * The last state of what is gone, which stays as it is: served to this session until it may announce the expunge.
   */
  | { readonly kind: 'expunged'; readonly gone: ColumnView }
  | { readonly kind: 'renamed'; readonly path: string }
  /** The session can only be told BYE (RFC 2180 section 3.3). */
  | { readonly kind: 'deleted' };

export interface StoreResult {
  readonly changed: UidRanges;
  /** UIDs left alone because of `unchangedSince` (RFC 7162 section 3.1.3). */
  readonly modified: UidRanges;
  /** The mod-sequence of this change. */
  readonly modseq: number;
}

export interface CopyResult {
  /** Of the target mailbox. */
  readonly uidValidity: number;
  /** In parallel; both empty where nothing was there to copy. */
  readonly sourceUids: readonly number[];
  readonly targetUids: readonly number[];
}

/**
 * One mailbox as opened by one session. Numbers are UIDs: sequence numbers are the connection's business, which
 * keeps the view it has announced and derives it from `uids()` and the events.
 * Every promise may reject with a SessionError.
 */
export interface SelectedMailbox {
  /** Live; no I/O. */
  info(): MailboxInfo;
  /**
   * UIDs in ascending order as an immutable view: an append gives a longer view (it may be over the same memory),
   * an expunge a new array. Never written to by the receiver.
   */
  uids(): Uint32Array;
  row(uid: number): MessageRow | undefined;
  columns(): ColumnView;
  /** Messages from this UID on are `\Recent` in this session (RFC 3501 section 2.3.2). */
  readonly recentFrom: number;
  /** Called once, before control returns to the event loop after `open`. */
  onEvent(listener: (event: MailboxEvent) => void): void;
  /** Resolves when changes made elsewhere before the call have been told as events. */
  refresh(): Promise<void>;

  /** UIDs that are gone are passed over. The rows carry the new flags when the promise resolves. */
  storeFlags(uids: UidRanges, change: FlagChange, options?: { readonly unchangedSince?: number }): Promise<StoreResult>;
  /** Removes for good what carries `\Deleted`, within `uids` where given. */
  expunge(uids: UidRanges | undefined): Promise<unknown>;
  /** All or nothing; flags and internal dates are kept. @throws `TRYCREATE` where there is no such target */
  copy(uids: UidRanges, targetPath: string): Promise<CopyResult>;
  /** As `copy`, and expunged here in one step. */
  move(uids: UidRanges, targetPath: string): Promise<CopyResult>;

  /** Works for rows of expunged messages too. @throws `NONEXISTENT` where the content is gone */
  openMessage(row: MessageRow): Promise<MessageContent>;
  /**
   * One digest for each of the messages, in their order, some at a time; undefined where the content is gone. Read
   * ahead: messages are asked for before those ahead of them have been answered.
   * @param fields those that will be looked at; of the digests only these may be
   */
  digests(
    messages: Iterable<Pick<MessageRow, 'uid' | 'messageId'>>,
    fields: readonly DigestField[],
  ): AsyncIterable<readonly (MessageDigest | undefined)[]>;
  /**
   * For each row, in order, read ahead: which of the terms its content matches, one octet (0 or 1) a term. Text is
   * decoded (RFC 2047, transfer encodings, charsets) and compared without regard to case. Content that is gone
   * matches nothing. Rejects with the signal's reason once it is aborted.
   */
  matchText(rows: readonly MessageRow[], terms: readonly TextTerm[], signal: AbortSignal): AsyncIterable<Uint8Array>;

  /** The session leaves the mailbox; no event follows. */
  close(): void;
}
