import { MailError } from '../kernel/errors.ts';
import type { MailboxId } from '../kernel/ids.ts';
import { keywordOctets, type AccountState, type MailboxHeader } from './account-state.ts';
import type { AppendedRow, Change } from './changes.ts';
import type { Columns } from './columns.ts';
import type { MailboxRef } from './journal.ts';
import { checkTable, type KeywordTable } from './keywords.ts';
import { lookupPath } from './mailbox-path.ts';

/** What a decision may take from outside the state. */
export interface DecisionContext {
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly drawMailboxId: () => MailboxId;
  /** Of one mailbox, for STORE and APPEND; what COPY, MOVE and delivery bring may go beyond. */
  readonly maxKeywords: number;
}

/**
 * What a command does to an account: changes to commit, or nothing. `result` is given the record's place in the
 * journal. A refusal is thrown as a MailError.
 */
export interface Decision<R> {
  readonly changes: readonly Change[];
  readonly result: (q: number) => R;
}

/** A command as the commit loop runs it: decided anew on every newer state. */
export interface Command<R> {
  /** The mailboxes whose columns `decide` reads. */
  readonly columns: (state: AccountState) => readonly MailboxId[];
  readonly decide: (state: AccountState, context: DecisionContext) => Decision<R>;
}

export const noColumns = (): readonly MailboxId[] => [];

/** Rows that one record may carry. */
const MOST_ROWS = 100_000;
/** Of a record's rows, under the 16 MiB that a document may hold. */
const MOST_ROW_OCTETS = 12 * 1024 * 1024;
/** For all headers of an account together, so that they fit a checkpoint. */
const MOST_HEADER_OCTETS = 8 * 1024 * 1024;
export const MOST_MAILBOXES = 10_000;
export const MOST_SUBSCRIPTIONS = 20_000;
/** Of the names of all subscriptions together, which lie in the checkpoint too. */
export const MOST_SUBSCRIPTION_OCTETS = 2 * 1024 * 1024;
const MOST_UID = 2 ** 32 - 1;

export function unchanged<R>(result: R): Decision<R> {
  return { changes: [], result: () => result };
}

/** @throws MailError `user-not-found` where the account was never created, or is closed */
export function requireAccount(state: AccountState): void {
  if (state.q === 0 || state.isClosed) throw new MailError('user-not-found', 'This user does not exist');
}

/** A mailbox that can hold messages. @throws MailError `mailbox-not-found` */
export function requireMailbox(state: AccountState, id: MailboxId): MailboxHeader {
  requireAccount(state);
  const header = state.mailboxes.get(id);
  if (header === undefined || header.isNoselect) throw mailboxNotFound();
  return header;
}

/** Any name, `\Noselect` ones too. @throws MailError `mailbox-not-found` */
export function requirePath(state: AccountState, path: string): MailboxHeader {
  requireAccount(state);
  const spelled = lookupPath(path);
  const header = spelled === undefined ? undefined : state.byPath(spelled);
  if (header === undefined) throw mailboxNotFound();
  return header;
}

/** Where messages are to go, by id or by the path of this moment. @throws MailError `mailbox-not-found` */
export function requireTarget(state: AccountState, target: MailboxRef): MailboxHeader {
  return requireMailbox(state, typeof target === 'string' ? target : requirePath(state, target.path).id);
}

/** The columns that the commit loop has loaded because the command named them. */
export function requireColumns(state: AccountState, id: MailboxId): Columns {
  const columns = state.columns(id);
  if (columns === undefined)
    throw new MailError('internal', 'Internal error, please try again later', { cause: `columns of ${id} not loaded` });
  return columns;
}

/** @throws MailError `over-quota`. A quota of 0 is none. */
export function requireQuota(state: AccountState, moreOctets: number): void {
  if (state.quotaOctets > 0 && state.octets + moreOctets > state.quotaOctets) {
    throw new MailError('over-quota', 'The mailbox is full: its quota would be passed');
  }
}

/**
 * What the table would grow by must fit the mailbox, and the headers of the account.
 * @param most names that the table may have if it grows
 * @throws MailError `limit`
 */
export function requireTable(state: AccountState, before: KeywordTable, after: KeywordTable, most: number): void {
  checkTable(before, after, most);
  if (after === before) return;
  requireHeaderOctets(state, keywordOctets(after.names.slice(before.names.length)));
}

/** @throws MailError `limit` where the headers of all mailboxes would take more than they may */
export function requireHeaderOctets(state: AccountState, moreOctets: number): void {
  if (state.headerOctets + moreOctets > MOST_HEADER_OCTETS)
    throw new MailError('limit', 'The names of the mailboxes and their keywords take too much room');
}

/** @throws MailError `limit` where the record would grow too large */
export function requireRowOctets(rows: readonly AppendedRow[]): void {
  let octets = 0;
  for (const { keywords } of rows) octets += 72 + keywords.length * 2;
  if (octets > MOST_ROW_OCTETS) throw new MailError('limit', 'Too many messages with too many keywords at once');
}

/** @throws MailError `limit` where UIDs would run out, or there are too many messages for one record */
export function requireUids(header: MailboxHeader, count: number): void {
  if (count > MOST_ROWS) throw new MailError('limit', `At most ${MOST_ROWS} messages at once`);
  if (header.uidNext + count > MOST_UID) throw new MailError('limit', 'The mailbox has no more unique identifiers');
}

function mailboxNotFound(): MailError {
  return new MailError('mailbox-not-found', 'This mailbox does not exist');
}
