import type { MailboxId, MessageId } from '../kernel/ids.ts';
import type { ZonedTime } from '../kernel/clock.ts';
import type { FlagChange, SpecialUse, UidRanges } from './journal.ts';

/** One committed command. `q` is its place in the account's journal and the mod-sequence of what it changed. */
export interface JournalRecord {
  readonly q: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** 24 random hexadecimal digits: tells one's own late insert from another's. */
  readonly token: string;
  /** The first 8 digits of the token of the record before, so that none is ever taken for the successor of another. */
  readonly follows?: string | undefined;
  readonly changes: readonly Change[];
}

/** A message put into a mailbox, with everything that its row holds; the save date is the record's. */
export interface AppendedRow {
  readonly uid: number;
  readonly messageId: MessageId;
  readonly thread: MessageId;
  readonly system: number;
  readonly keywords: readonly string[];
  readonly size: number;
  readonly crlfSize: number;
  readonly internalDate: ZonedTime;
  readonly sentDate: ZonedTime | undefined;
}

/** Where appended messages came from; only deliveries are looked up by message id. */
export type AppendOrigin = 'append' | 'delivery' | 'copy';

/** What of a mailbox is worked out from its messages. */
export interface Counters {
  readonly messages: number;
  readonly unseen: number;
  readonly deleted: number;
  readonly octets: number;
  readonly uidNext: number;
}

/**
 * What a record does. `apply` invents nothing: every UID, id, number and time is here. Differences of counters
 * stand beside sets of UIDs, so that headers follow without the columns.
 */
export type Change =
  | { readonly kind: 'init'; readonly quotaOctets: number }
  | { readonly kind: 'close' }
  | { readonly kind: 'quota'; readonly quotaOctets: number }
  | {
      readonly kind: 'create';
      readonly mailbox: MailboxId;
      readonly path: string;
      readonly specialUse: SpecialUse | undefined;
      readonly uidValidity: number;
    }
  /** `placeholder` is the id of the `\Noselect` name that stays for the children. */
  | { readonly kind: 'remove'; readonly mailbox: MailboxId; readonly placeholder: MailboxId | undefined }
  /** The name and all names below it. */
  | { readonly kind: 'rename'; readonly from: string; readonly to: string }
  | { readonly kind: 'subscribe'; readonly path: string; readonly isSubscribed: boolean }
  | {
      readonly kind: 'append';
      readonly mailbox: MailboxId;
      readonly origin: AppendOrigin;
      readonly rows: readonly AppendedRow[];
    }
  | {
      readonly kind: 'flags';
      readonly mailbox: MailboxId;
      readonly uids: UidRanges;
      readonly change: FlagChange;
      /** Differences, of either sign. */
      readonly unseen: number;
      readonly deleted: number;
    }
  | {
      readonly kind: 'expunge';
      readonly mailbox: MailboxId;
      readonly uids: UidRanges;
      /** What goes: sums over the messages. */
      readonly octets: number;
      readonly unseen: number;
      readonly deleted: number;
    }
  /** UIDs below are recent to nobody any more. */
  | { readonly kind: 'recent'; readonly mailbox: MailboxId; readonly from: number }
  /** Expunged messages that an append of the same record puts back. */
  | { readonly kind: 'restore'; readonly mailbox: MailboxId; readonly uids: UidRanges }
  /** What the messages of a mailbox add up to, where its counters said otherwise; the account's sums follow. */
  | ({ readonly kind: 'recount'; readonly mailbox: MailboxId } & Counters)
  /** Message data that may be deleted, for nothing refers to it. */
  | { readonly kind: 'sweep'; readonly messageIds: readonly MessageId[] };

export type ChangeOf<K extends Change['kind']> = Extract<Change, { kind: K }>;
