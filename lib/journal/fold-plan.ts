import { randomBytes } from 'node:crypto';
import type { MailboxId } from '../kernel/ids.ts';
import { headerOctets, type AccountState, type MailboxHeader, type RemovedMailbox } from './account-state.ts';
import {
  checkpointOf,
  NO_SEGMENTS,
  type Checkpoint,
  type MailboxSegments,
  type RowSegmentRef,
  type SegmentRef,
  type TombstoneSegmentRef,
} from './checkpoint.ts';
import type { Columns } from './columns.ts';
import type { SegmentKey } from './journal-store.ts';
import { KeywordTable } from './keywords.ts';
import { joinRestored } from './restored.ts';
import { packRowSegment, planSegments } from './segments.ts';
import { TombstoneList } from './tombstones.ts';

/** Deliveries of this many last records are written down, for retries that meet a state opened later. */
const DELIVERIES_KEPT = 1024;
/** Deleted mailboxes that are remembered for their messages' sake. */
const MOST_REMOVED = 10_000;
/** Of their headers together. */
const MOST_REMOVED_OCTETS = 2 * 1024 * 1024;
const SEGMENT_TOMBSTONES = 8192;
/** Tables of fewer keywords are left alone. */
const FREE_KEYWORDS_FROM = 24;

export interface FoldInput {
  /** With the columns of all changed mailboxes. */
  readonly state: AccountState;
  readonly previous: Checkpoint;
  /** All tombstones of mailboxes whose segments of them are to be written together. */
  readonly scattered: ReadonlyMap<MailboxId, TombstoneList>;
  /** What went before this is forgotten. */
  readonly forgetBefore: number;
  /** What was swept before this is forgotten. */
  readonly forgetSweptBefore?: number;
}

/** What a fold writes: segments first, then the checkpoint that names them; what it no longer names goes last. */
export interface FoldPlan {
  readonly checkpoint: Checkpoint;
  /** Each is packed when it is read, of what was there when the plan was made: a mailbox is never held packed whole. */
  readonly written: readonly { readonly key: SegmentKey; readonly packed: Buffer }[];
  readonly superseded: readonly SegmentKey[];
}

/** Mailboxes that records after `since` touched, deleted ones too. */
export function changedMailboxes(state: AccountState, since: number): MailboxHeader[] {
  const isChanged = ({ highestModSeq, isNoselect }: MailboxHeader): boolean => !isNoselect && highestModSeq > since;
  return [
    ...[...state.mailboxes.values()].filter(isChanged),
    ...[...state.removed.values()].map(({ header }) => header).filter(isChanged),
  ];
}

/**
 * Packs the state. Two things it sheds first: deleted mailboxes that are forgotten, and names of keywords that no
 * message of a changed mailbox carries any more.
 */
export function planFold({ state, previous, scattered, forgetBefore, forgetSweptBefore = 0 }: FoldInput): FoldPlan {
  const writer = new SegmentWriter();
  forgetRemoved(state, forgetBefore);
  state.forgetSwept(forgetSweptBefore);
  state.restored = joinRestored(state.restored, forgetBefore);
  const changed = new Set(changedMailboxes(state, previous.q).map(({ id }) => id));
  const named = [...previous.mailboxes, ...previous.removed.map(({ header }) => header)];
  const written = new Map(named.map(({ id, keywords }) => [id, keywords]));
  const segments = new Map<MailboxId, MailboxSegments>();
  const standingTables = new Map<MailboxId, KeywordTable>();
  for (const id of [...state.mailboxes.keys(), ...state.removed.keys()]) {
    const before = previous.segments.get(id) ?? NO_SEGMENTS;
    const columns = changed.has(id) ? state.columns(id) : undefined;
    if (columns !== undefined) freeKeywords(state, id, columns);
    // Segments hold positions of the table that they were written with: they stand while it only grew.
    const header = state.mailboxes.get(id) ?? state.removed.get(id)?.header;
    const standing = isPrefix(written.get(id), header?.keywords) ? before.rows : [];
    const rows = columns === undefined ? before.rows : writeRows(writer, id, columns, standing, previous.q);
    // Rows that stand unread keep the table they were written with, which a fold elsewhere may have numbered anew.
    const table = written.get(id);
    if (columns === undefined && table !== undefined) standingTables.set(id, table);
    const after = {
      rows,
      ...writeTombstones(writer, id, before, columns?.tombstones, scattered.get(id), forgetBefore),
    };
    if (after.rows.length > 0 || after.tombstones.length > 0 || after.tombstoneFloor > 0) segments.set(id, after);
  }
  const checkpoint = checkpointOf(
    state,
    randomBytes(12).toString('hex'),
    segments,
    Math.max(0, state.q - DELIVERIES_KEPT),
  );
  const asWritten = (header: MailboxHeader): MailboxHeader => ({
    ...header,
    keywords: standingTables.get(header.id) ?? header.keywords,
  });
  const mailboxes = checkpoint.mailboxes.map(asWritten);
  const removed = checkpoint.removed.map((own) => ({ ...own, header: asWritten(own.header) }));
  return {
    checkpoint: { ...checkpoint, mailboxes, removed },
    written: writer.written,
    superseded: supersededBy(previous, segments),
  };
}

class SegmentWriter {
  readonly written: { readonly key: SegmentKey; readonly packed: Buffer }[] = [];
  readonly #generation = randomBytes(8).toString('hex');

  write(mailbox: MailboxId, pack: () => Buffer, count: number): SegmentRef {
    const ref = { generation: this.#generation, number: this.written.length, count };
    this.written.push({
      key: { mailbox, ref },
      get packed() {
        return pack();
      },
    });
    return ref;
  }
}

function writeRows(
  writer: SegmentWriter,
  mailbox: MailboxId,
  columns: Columns,
  before: readonly RowSegmentRef[],
  since: number,
): RowSegmentRef[] {
  const plan = planSegments(columns, before, since);
  const snapshot = plan.some(({ kind }) => kind === 'write') ? columns.clone() : columns;
  return plan.map((part) => {
    if (part.kind === 'keep') return part.ref;
    const { from, to } = part;
    const ref = writer.write(mailbox, () => packRowSegment(snapshot, from, to), to - from);
    return { ...ref, first: columns.uid(from), last: columns.uid(to - 1) };
  });
}

function writeTombstones(
  writer: SegmentWriter,
  mailbox: MailboxId,
  before: MailboxSegments,
  fresh: TombstoneList | undefined,
  scattered: TombstoneList | undefined,
  forgetBefore: number,
): Pick<MailboxSegments, 'tombstones' | 'tombstoneFloor'> {
  const list = new TombstoneList();
  if (scattered !== undefined) list.addAll(scattered);
  if (fresh !== undefined) list.addAll(fresh);
  const standing = scattered === undefined ? before.tombstones : [];
  const tombstones = standing.filter(({ lastAt }) => lastAt >= forgetBefore);
  let { tombstoneFloor } = before;
  for (const { lastAt, lastQ } of standing) if (lastAt < forgetBefore) tombstoneFloor = Math.max(tombstoneFloor, lastQ);
  let from = 0;
  for (; from < list.count && list.at(from) < forgetBefore; from += 1)
    tombstoneFloor = Math.max(tombstoneFloor, list.q(from));
  const written: TombstoneSegmentRef[] = [];
  for (; from < list.count; from += SEGMENT_TOMBSTONES) {
    const start = from;
    const to = Math.min(list.count, from + SEGMENT_TOMBSTONES);
    const ref = writer.write(mailbox, () => list.pack(start, to), to - start);
    written.push({ ...ref, lastQ: list.q(to - 1), lastAt: list.at(to - 1) });
  }
  return { tombstones: [...tombstones, ...written], tombstoneFloor };
}

function freeKeywords(state: AccountState, mailbox: MailboxId, columns: Columns): void {
  const header = state.mailboxes.get(mailbox);
  if (header === undefined || header.keywords.names.length < FREE_KEYWORDS_FROM) return;
  const used = columns.usedKeywords();
  const names = header.keywords.names.filter((_, position) => used.has(position));
  if (names.length === header.keywords.names.length) return;
  const keywords = new KeywordTable(names);
  columns.renumberKeywords(header.keywords, keywords);
  state.put({ ...header, keywords });
}

/** True for a table that was only added to, and where there is nothing to compare. */
function isPrefix(before: KeywordTable | undefined, after: KeywordTable | undefined): boolean {
  if (before === undefined || after === undefined || before === after) return true;
  return before.names.every((name, position) => after.names[position] === name);
}

function forgetRemoved(state: AccountState, forgetBefore: number): void {
  let excess = state.removed.size - MOST_REMOVED;
  let excessOctets = -MOST_REMOVED_OCTETS;
  for (const { header } of state.removed.values()) excessOctets += headerOctets(header);
  const isForgotten = ({ header, removedAt }: RemovedMailbox): boolean =>
    removedAt < forgetBefore || (header.uidNext === 1 && header.messages === 0);
  for (const [id, removed] of state.removed) {
    if (!isForgotten(removed) && excess <= 0 && excessOctets <= 0) continue;
    excess -= 1;
    excessOctets -= headerOctets(removed.header);
    state.removed.delete(id);
    state.unloadColumns(id);
  }
}

function supersededBy(previous: Checkpoint, segments: ReadonlyMap<MailboxId, MailboxSegments>): SegmentKey[] {
  const superseded: SegmentKey[] = [];
  for (const [mailbox, before] of previous.segments) {
    const after = segments.get(mailbox) ?? NO_SEGMENTS;
    const kept = new Set(
      [...after.rows, ...after.tombstones].map(({ generation, number }) => `${generation}/${number}`),
    );
    for (const ref of [...before.rows, ...before.tombstones]) {
      if (!kept.has(`${ref.generation}/${ref.number}`)) superseded.push({ mailbox, ref });
    }
  }
  return superseded;
}
