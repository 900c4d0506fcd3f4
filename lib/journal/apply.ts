import type { MailboxId } from '../kernel/ids.ts';
import type { AccountState, MailboxHeader } from './account-state.ts';
import type { Change, ChangeOf, JournalRecord } from './changes.ts';
import { SharedColumnView } from './column-view.ts';
import { Columns } from './columns.ts';
import { brokenJournal } from './damage.ts';
import { flagMask } from './flag-mask.ts';
import { SystemFlag, type MailboxEvent } from './journal.ts';
import { KeywordTable } from './keywords.ts';
import { isBelow } from './mailbox-path.ts';
import { sumsOf } from './miscounts.ts';
import { countUids, rangesOf } from './uid-set.ts';

/** An event of a mailbox, in the order in which the record's changes caused them. */
export interface Applied {
  readonly mailbox: MailboxId;
  readonly event: MailboxEvent;
}

/** Says whether anybody wants to hear of a mailbox; events nobody wants are not made. */
export type Wanted = (mailbox: MailboxId) => boolean;

/**
 * Moves the state on by the next record. Deterministic: everything it needs is in the record and the state.
 * @throws RangeError where the record is not the next one: nothing is ever applied across a gap
 * @throws MailError `unavailable` where it was decided on another record than the last one
 */
export function applyRecord(state: AccountState, record: JournalRecord, isWanted: Wanted = () => false): Applied[] {
  if (record.q !== state.q + 1) throw new RangeError(`record ${record.q} does not follow ${state.q}`);
  if (record.follows !== undefined && state.lastToken !== '' && !state.lastToken.startsWith(record.follows))
    throw brokenJournal(`record ${record.q} does not follow the record ${state.q} that is there`);
  const applied: Applied[] = [];
  for (const change of record.changes) applyChange(state, record, change, isWanted, applied);
  state.q = record.q;
  state.lastToken = record.token;
  return applied;
}

function applyChange(
  state: AccountState,
  record: JournalRecord,
  change: Change,
  isWanted: Wanted,
  applied: Applied[],
): void {
  switch (change.kind) {
    case 'init':
    case 'quota':
      state.quotaOctets = change.quotaOctets;
      return;
    case 'close':
      state.isClosed = true;
      // Sessions end as if each mailbox were deleted: nothing of the account is to be had any more.
      for (const mailbox of state.mailboxes.keys()) {
        if (isWanted(mailbox)) applied.push({ mailbox, event: { kind: 'deleted', q: record.q } });
      }
      return;
    case 'create':
      applyCreate(state, record, change);
      return;
    case 'remove':
      applyRemove(state, record, change, applied);
      return;
    case 'rename':
      applyRename(state, record, change, applied);
      return;
    case 'subscribe':
      if (change.isSubscribed) state.subscriptions.add(change.path);
      else state.subscriptions.delete(change.path);
      return;
    case 'append':
      applyAppend(state, record, change, isWanted, applied);
      return;
    case 'flags':
      applyFlags(state, record, change, isWanted, applied);
      return;
    case 'expunge':
      applyExpunge(state, record, change, isWanted, applied);
      return;
    case 'recent':
      update(state, change.mailbox, (header) => ({ recentFrom: Math.max(header.recentFrom, change.from) }));
      return;
    case 'restore':
      state.restored = [...state.restored, { mailbox: change.mailbox, uids: change.uids, at: record.at }];
      return;
    case 'recount':
      applyRecount(state, record, change);
      return;
    case 'sweep':
      for (const messageId of change.messageIds) state.addSwept(messageId, { q: record.q, at: record.at });
  }
}

function applyCreate(state: AccountState, record: JournalRecord, change: ChangeOf<'create'>): void {
  const standing = state.byPath(change.path);
  if (standing?.isNoselect === true) state.delete(standing.id);
  state.uidValidity = Math.max(state.uidValidity, change.uidValidity);
  state.put({
    id: change.mailbox,
    path: change.path,
    specialUse: change.specialUse,
    isNoselect: false,
    uidValidity: change.uidValidity,
    uidNext: 1,
    highestModSeq: record.q,
    messages: 0,
    unseen: 0,
    deleted: 0,
    octets: 0,
    keywords: KeywordTable.empty,
    createdAt: record.at,
    recentFrom: 1,
  });
  // A new mailbox has no segments: its columns are known without reading.
  if (!state.isFork) state.loadColumns(change.mailbox, new Columns());
}

function applyRemove(state: AccountState, record: JournalRecord, change: ChangeOf<'remove'>, applied: Applied[]): void {
  const header = state.mailboxes.get(change.mailbox);
  if (header === undefined) return;
  state.delete(header.id);
  state.octets -= header.octets;
  state.messages -= header.messages;
  if (!header.isNoselect) state.removed.set(header.id, { header, removedAt: record.at, q: record.q });
  if (change.placeholder !== undefined) {
    state.put({
      ...header,
      id: change.placeholder,
      specialUse: undefined,
      isNoselect: true,
      messages: 0,
      unseen: 0,
      deleted: 0,
      octets: 0,
      keywords: KeywordTable.empty,
    });
  }
  applied.push({ mailbox: header.id, event: { kind: 'deleted', q: record.q } });
}

function applyRename(state: AccountState, record: JournalRecord, change: ChangeOf<'rename'>, applied: Applied[]): void {
  const moved = [...state.mailboxes.values()].filter(({ path }) => path === change.from || isBelow(path, change.from));
  for (const header of moved) {
    const path = change.to + header.path.slice(change.from.length);
    state.put({ ...header, path });
    applied.push({ mailbox: header.id, event: { kind: 'renamed', q: record.q, path } });
  }
}

function applyAppend(
  state: AccountState,
  record: JournalRecord,
  change: ChangeOf<'append'>,
  isWanted: Wanted,
  applied: Applied[],
): void {
  let octets = 0;
  let unseen = 0;
  let deleted = 0;
  const keywords = new Set<string>();
  for (const row of change.rows) {
    octets += row.size;
    if ((row.system & SystemFlag.seen) === 0) unseen += 1;
    if ((row.system & SystemFlag.deleted) !== 0) deleted += 1;
    for (const keyword of row.keywords) keywords.add(keyword);
  }
  const header = update(state, change.mailbox, (before) => ({
    uidNext: (change.rows.at(-1)?.uid ?? before.uidNext - 1) + 1,
    highestModSeq: record.q,
    messages: before.messages + change.rows.length,
    unseen: before.unseen + unseen,
    deleted: before.deleted + deleted,
    octets: before.octets + octets,
    keywords: before.keywords.with([...keywords]),
  }));
  if (header === undefined) return;
  state.octets += octets;
  state.messages += change.rows.length;
  if (change.origin === 'delivery') {
    for (const { messageId, uid } of change.rows) {
      state.addDelivery(messageId, { mailbox: header.id, uidValidity: header.uidValidity, uid, q: record.q });
    }
  }
  state.changeColumns(header.id, (columns) => columns.append(change.rows, record.q, record.at, header.keywords));
  if (isWanted(header.id)) {
    const uids = rangesOf(change.rows.map(({ uid }) => uid));
    applied.push({ mailbox: header.id, event: { kind: 'appended', q: record.q, uids } });
  }
}

function applyFlags(
  state: AccountState,
  record: JournalRecord,
  change: ChangeOf<'flags'>,
  isWanted: Wanted,
  applied: Applied[],
): void {
  const header = update(state, change.mailbox, (before) => ({
    highestModSeq: record.q,
    unseen: before.unseen + change.unseen,
    deleted: before.deleted + change.deleted,
    keywords: change.change.mode === 'remove' ? before.keywords : before.keywords.with(change.change.flags.keywords),
  }));
  if (header === undefined) return;
  const mask = flagMask(change.change, header.keywords);
  state.changeColumns(header.id, (columns) => columns.changeFlags(change.uids, mask, record.q));
  if (isWanted(header.id)) {
    applied.push({ mailbox: header.id, event: { kind: 'flags-changed', q: record.q, uids: change.uids } });
  }
}

function applyExpunge(
  state: AccountState,
  record: JournalRecord,
  change: ChangeOf<'expunge'>,
  isWanted: Wanted,
  applied: Applied[],
): void {
  const count = countUids(change.uids);
  const header = update(state, change.mailbox, (before) => ({
    highestModSeq: record.q,
    messages: before.messages - count,
    unseen: before.unseen - change.unseen,
    deleted: before.deleted - change.deleted,
    octets: before.octets - change.octets,
  }));
  if (header === undefined) return;
  state.octets -= change.octets;
  state.messages -= count;
  // MOVE, and RENAME of INBOX, are a copy and an expunge in one record.
  const isMoved = record.changes.some((own) => own.kind === 'append' && own.origin === 'copy');
  const rows = { table: header.keywords, isMoved };
  const taken: Columns[] = [];
  state.changeColumns(header.id, (columns) => {
    taken.push(columns.expunge(change.uids, record.at, record.q, rows));
  });
  if (isWanted(header.id)) {
    const gone = new SharedColumnView(taken[0] ?? new Columns(), () => header.keywords);
    applied.push({ mailbox: header.id, event: { kind: 'expunged', q: record.q, uids: change.uids, gone } });
  }
}

function applyRecount(state: AccountState, record: JournalRecord, change: ChangeOf<'recount'>): void {
  const { messages, unseen, deleted, octets } = change;
  const header = update(state, change.mailbox, (before) => {
    const uidNext = Math.max(before.uidNext, change.uidNext);
    const recentFrom = Math.min(before.recentFrom, uidNext);
    return { messages, unseen, deleted, octets, uidNext, recentFrom, highestModSeq: record.q };
  });
  if (header === undefined) return;
  const sums = sumsOf(state);
  state.octets = sums.octets;
  state.messages = sums.messages;
  state.uidValidity = Math.max(state.uidValidity, sums.uidValidity);
}

/** Undefined where the mailbox is gone: a change decided for it can then only be of its past. */
function update(
  state: AccountState,
  id: MailboxId,
  change: (before: MailboxHeader) => Partial<MailboxHeader>,
): MailboxHeader | undefined {
  const before = state.mailboxes.get(id);
  if (before === undefined) return undefined;
  const after = { ...before, ...change(before) };
  state.put(after);
  return after;
}
