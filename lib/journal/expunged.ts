import { MailError } from '../kernel/errors.ts';
import type { MailboxId } from '../kernel/ids.ts';
import type { AccountLog } from './account-log.ts';
import type { AccountState, MailboxHeader } from './account-state.ts';
import type { Checkpoint } from './checkpoint.ts';
import { changedMailboxes } from './fold-plan.ts';
import type { ExpungedChoice, ExpungedMessage, ExpungedPage, Mailboxes, MessageRow } from './journal.ts';
import { loadColumns } from './load-columns.ts';
import { lookupPath } from './mailbox-path.ts';
import type { TombstoneList } from './tombstones.ts';
import { restoredIn } from './restored.ts';
import { readTombstones } from './vanished.ts';

const ATTEMPTS = 5;
const MAILBOX_DIGITS = 24;

/** What restoring needs of a message that is gone. */
export interface ExpungedRow {
  readonly mailbox: MailboxId;
  /** The record that took it. */
  readonly q: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly row: Omit<MessageRow, 'savedAt'>;
}

/** The id by which an expunged message is named: its mailbox and UID, which nothing else ever has. */
export function expungedId(mailbox: MailboxId, uid: number): string {
  return mailbox + uid.toString(16).padStart(8, '0');
}

/**
 * Messages that went at `goneSince` or later and can be brought back, by id: expunged ones and those of deleted
 * mailboxes; not those that moved elsewhere, and not those that were brought back.
 * @throws MailError `unavailable`
 */
export async function readExpunged(
  log: AccountLog,
  goneSince: number,
  only?: MailboxId,
): Promise<ReadonlyMap<string, ExpungedRow>> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const { checkpoint, state } = log;
    const isWanted = (id: MailboxId): boolean => only === undefined || id === only;
    const written = await readWritten(log, checkpoint, goneSince, isWanted);
    if (written === undefined) {
      await log.rereadForSegments();
      continue;
    }
    const changed = changedMailboxes(state, checkpoint?.q ?? 0).map(({ id }) => id);
    const deleted = [...state.removed].flatMap(([id, { removedAt }]) => (removedAt >= goneSince ? [id] : []));
    await loadColumns(log, [...new Set([...changed, ...deleted])].filter(isWanted));
    // A fold in between has moved tombstones from the columns to segments that were not read.
    if (log.checkpoint !== checkpoint) continue;
    const found = new Map<string, ExpungedRow>();
    const isRestored = restoredIn(state);
    const add = (expunged: ExpungedRow): void => {
      if (expunged.at >= goneSince && !isRestored(expunged.mailbox, expunged.row.uid))
        found.set(expungedId(expunged.mailbox, expunged.row.uid), expunged);
    };
    for (const [mailbox, list] of written) eachTombstone(mailbox, list, add);
    for (const [mailbox, columns] of state.loadedColumns())
      if (isWanted(mailbox)) eachTombstone(mailbox, columns.tombstones, add);
    for (const mailbox of deleted) if (isWanted(mailbox)) eachBuried(state, mailbox, add);
    return found;
  }
  throw new MailError('unavailable', 'Storage is not available at the moment, please try again', {
    cause: 'segments keep vanishing',
  });
}

/** Those of them that are chosen, in no order. @throws MailError `unavailable` */
export async function chooseExpunged(
  log: AccountLog,
  windowSince: number,
  { mailbox, path, goneSince = 0, goneUntil = Infinity }: ExpungedChoice,
): Promise<readonly (readonly [id: string, expunged: ExpungedRow])[]> {
  const found = [...(await readExpunged(log, Math.max(windowSince, goneSince), mailbox))];
  const spelled = path === undefined ? undefined : (lookupPath(path) ?? path);
  return found.filter(
    ([, own]) => own.at <= goneUntil && (spelled === undefined || headerOf(log.state, own.mailbox)?.path === spelled),
  );
}

/** Names a message's place in the list of what was expunged. */
export function expungedCursor({ q, id }: Pick<ExpungedMessage, 'q' | 'id'>): string {
  return `${q}.${id}`;
}

/** A page of them, those that went last first. @throws MailError `unavailable`, `invalid-input` for a cursor of no page */
export async function listExpunged(
  log: AccountLog,
  windowSince: number,
  page: Parameters<Mailboxes['expunged']>[1],
): Promise<ExpungedPage> {
  const found = [...(await chooseExpunged(log, windowSince, page))].sort(([a, one], [b, other]) =>
    one.q === other.q ? (a < b ? 1 : -1) : other.q - one.q,
  );
  const total = found.length;
  const describeAll = (some: typeof found): ExpungedMessage[] => some.map(([id, own]) => describe(log.state, id, own));
  if (page.before !== undefined) {
    const end = placeOf(found, page.before).from;
    return {
      total,
      messages: describeAll(found.slice(Math.max(0, end - page.limit), end).reverse()),
      cursor: undefined,
    };
  }
  const start = page.cursor === undefined ? 0 : placeOf(found, page.cursor).after;
  const messages = describeAll(found.slice(start, start + page.limit));
  const last = messages.at(-1);
  const isMore = start + messages.length < total && last !== undefined;
  return { total, messages, cursor: isMore ? expungedCursor(last) : undefined };
}

/** Undefined where a segment is gone. */
async function readWritten(
  log: AccountLog,
  checkpoint: Checkpoint | undefined,
  goneSince: number,
  isWanted: (id: MailboxId) => boolean,
): Promise<ReadonlyMap<MailboxId, TombstoneList> | undefined> {
  const written = new Map<MailboxId, TombstoneList>();
  for (const [mailbox, { tombstones }] of checkpoint?.segments ?? []) {
    const recent = tombstones.filter(({ lastAt }) => lastAt >= goneSince);
    if (!isWanted(mailbox) || recent.length === 0) continue;
    const list = await readTombstones(log, mailbox, recent);
    if (list === undefined) return undefined;
    written.set(mailbox, list);
  }
  return written;
}

function eachTombstone(mailbox: MailboxId, list: TombstoneList, add: (expunged: ExpungedRow) => void): void {
  for (let index = 0; index < list.count; index += 1) {
    const row = list.isMoved(index) ? undefined : list.row(index);
    if (row !== undefined) add({ mailbox, q: list.q(index), at: list.at(index), row });
  }
}

/** What a deleted mailbox held. */
function eachBuried(state: AccountState, mailbox: MailboxId, add: (expunged: ExpungedRow) => void): void {
  const removed = state.removed.get(mailbox);
  const columns = state.columns(mailbox);
  if (removed === undefined || columns === undefined) return;
  const { q, removedAt: at, header } = removed;
  for (let position = 0; position < columns.count; position += 1)
    add({ mailbox, q, at, row: columns.row(position, header.keywords) });
}

function headerOf(state: AccountState, mailbox: MailboxId): MailboxHeader | undefined {
  return state.mailboxes.get(mailbox) ?? state.removed.get(mailbox)?.header;
}

function describe(state: AccountState, id: string, { mailbox, at, q, row }: ExpungedRow): ExpungedMessage {
  return {
    id,
    messageId: row.messageId,
    thread: row.thread,
    mailbox,
    path: headerOf(state, mailbox)?.path,
    isMailboxDeleted: !state.mailboxes.has(mailbox),
    uid: row.uid,
    flags: row.flags,
    size: row.size,
    internalDate: row.internalDate,
    sentDate: row.sentDate,
    expungedAt: at,
    q,
  };
}

/** Where the cursor's message stands, or would if it were still there. */
function placeOf(
  found: readonly (readonly [string, ExpungedRow])[],
  cursor: string,
): { readonly from: number; readonly after: number } {
  const [, digits = '', id = ''] = /^(\d{1,15})\.([0-9a-f]{32})$/.exec(cursor) ?? [];
  if (id.length !== MAILBOX_DIGITS + 8) throw new MailError('invalid-input', 'This is no cursor of such a list');
  const q = Number(digits);
  const next = found.findIndex(([own, expunged]) => expunged.q < q || (expunged.q === q && own < id));
  const after = next < 0 ? found.length : next;
  return { from: found[after - 1]?.[0] === id ? after - 1 : after, after };
}
