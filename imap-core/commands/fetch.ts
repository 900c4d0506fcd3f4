import { readFetchItems } from '../arguments/fetch-items.ts';
import { readMessageSet } from '../arguments/message-set.ts';
import type { ColumnItem, DigestItem, FetchItem } from '../protocol/fetch-item.ts';
import { SystemFlag } from '../protocol/flags.ts';
import { mergeRanges, type MessageSet } from '../protocol/message-set.ts';
import { isWithin, type NumberRange, type UidRanges } from '../protocol/number-range.ts';
import type { MessageRow } from '../session/selected-mailbox.ts';
import { SessionError } from '../session/session-error.ts';
import type { MailboxView } from '../view/mailbox-view.ts';
import type { Decoder } from '../wire/decoder.ts';
import { SyntaxFault } from '../wire/faults.ts';
import { turn } from '../wire/turn.ts';
import { type Completion, type ConnectionPort, type ContextOf, defineCommand, type Form } from './command.ts';
import { writeColumns } from './fetch/write-columns.ts';
import {
  isColumnItem,
  isSectionItem,
  type WantedMessage,
  writeDigests,
  writeMessages,
} from './fetch/write-messages.ts';
import { meetNewMessages } from './meet-new-messages.ts';

interface FetchArguments {
  readonly set: MessageSet;
  readonly items: readonly FetchItem[];
  /** RFC 7162 section 3.1.4.1. */
  readonly changedSince: number | undefined;
}

/** Messages answered from columns alone between two looks at the output. */
const COLUMN_BATCH = 2000;
/** Messages that are read ahead and marked seen together. */
const CONTENT_BATCH = 256;

function parse(decoder: Decoder): FetchArguments {
  decoder.space();
  const set = readMessageSet(decoder);
  decoder.space();
  const items = readFetchItems(decoder);
  let changedSince: number | undefined;
  if (decoder.take(' ')) {
    decoder.list(() => {
      if (decoder.word() !== 'CHANGEDSINCE') throw new SyntaxFault('Unknown modifier of FETCH');
      decoder.space();
      changedSince = decoder.modSeq();
    });
  }
  return { set, items, changedSince };
}

/** Each item once, with those that the form of the command adds. */
function itemsToAnswer({ items, changedSince }: FetchArguments, isUid: boolean): readonly FetchItem[] {
  const wanted = [...items];
  const has = (kind: FetchItem['kind']): boolean => wanted.some((item) => item.kind === kind);
  if (isUid && !has('uid')) wanted.unshift({ kind: 'uid' });
  if (changedSince !== undefined && !has('modseq')) wanted.push({ kind: 'modseq' });
  const seen = new Set<string>();
  return wanted.filter((item) => {
    const key = isSectionItem(item) ? `${item.label}<${item.partial?.count ?? ''}>` : item.kind;
    return !seen.has(key) && seen.add(key);
  });
}

function isReadyItem(item: FetchItem): item is ColumnItem | DigestItem {
  return !isSectionItem(item);
}

function* batches(ranges: readonly NumberRange[], size: number): Iterable<NumberRange> {
  for (const { from, to } of ranges) {
    for (let start = from; start <= to; start += size) yield { from: start, to: Math.min(to, start + size - 1) };
  }
}

/** Only what stands in columns: no row is built and nothing is waited for but the client. */
async function fetchColumns(
  { output }: ConnectionPort,
  view: MailboxView,
  ranges: readonly NumberRange[],
  items: readonly ColumnItem[],
  changedSince: number,
): Promise<void> {
  for (const { from, to } of batches(ranges, COLUMN_BATCH)) {
    for (const span of view.spans(from, to)) writeColumns(output, view, span, items, changedSince);
    await output.ready();
    await turn();
  }
}

/** Marks what is about to be read as seen, in one change. @returns the UIDs changed */
async function markSeen(view: MailboxView, rows: readonly MessageRow[]): Promise<UidRanges> {
  const unseen = rows.filter((row) => (row.flags.system & SystemFlag.seen) === 0);
  if (view.isReadOnly || unseen.length === 0) return [];
  const uids = mergeRanges(unseen.map(({ uid }) => ({ from: uid, to: uid })));
  const result = await view.mailbox.storeFlags(uids, {
    mode: 'add',
    flags: { system: SystemFlag.seen, keywords: [] },
  });
  view.settleFlags(result.changed);
  return result.changed;
}

async function fetchContents(
  connection: ConnectionPort,
  view: MailboxView,
  ranges: readonly NumberRange[],
  items: readonly FetchItem[],
  changedSince: number,
): Promise<void> {
  const setsSeen = items.some((item) => isSectionItem(item) && !item.isPeek);
  const withFlags = items.some((item) => item.kind === 'flags') ? items : [...items, { kind: 'flags' } as const];
  const missing: MessageRow[] = [];
  for (const { from, to } of batches(ranges, CONTENT_BATCH)) {
    const found: { readonly position: number; readonly row: MessageRow }[] = [];
    for (let position = from; position <= to; position += 1) {
      const row = view.rowAt(position);
      if (row !== undefined && row.modseq > changedSince) found.push({ position, row });
    }
    const changed = setsSeen
      ? await markSeen(
          view,
          found.map(({ row }) => row),
        )
      : [];
    const wanted: WantedMessage[] = found.map(({ position, row }) => ({
      position,
      row,
      // RFC 3501 section 6.4.5: where \Seen is set on the way, the flags are told.
      items: isWithin(changed, row.uid) ? withFlags : items,
    }));
    missing.push(...(await writeMessages(connection.output, view, wanted)));
    await connection.output.ready();
  }
  refuseMissing(
    view,
    missing.map(({ uid }) => uid),
  );
}

/** @throws SessionError where messages were passed over */
function refuseMissing(view: MailboxView, missing: readonly number[]): void {
  if (missing.some((uid) => view.mailbox.row(uid) !== undefined))
    throw new SessionError('SERVERBUG', 'Some messages could not be read');
  if (missing.length > 0) throw new SessionError('EXPUNGEISSUED', 'Some messages have been expunged');
}

async function run(args: FetchArguments, context: ContextOf<'selected'>, { isUid }: Form): Promise<Completion> {
  const { connection, view } = context;
  if (args.changedSince !== undefined || args.items.some((item) => item.kind === 'modseq'))
    connection.enableCondstore();
  if (isUid) await meetNewMessages(connection, view, args.set);
  const ranges = view.resolve(args.set, isUid);
  const items = itemsToAnswer(args, isUid);
  const changedSince = args.changedSince ?? -1;
  if (items.every(isColumnItem)) {
    await fetchColumns(connection, view, ranges, items.filter(isColumnItem), changedSince);
  } else if (!items.some(isSectionItem)) {
    const { output } = connection;
    refuseMissing(view, await writeDigests(output, view, ranges, items.filter(isReadyItem), changedSince));
  } else {
    await fetchContents(connection, view, ranges, items, changedSince);
  }
  return {};
}

/** RFC 3501 section 6.4.5, RFC 7162 section 3.1.4. */
export const fetch = defineCommand({
  name: 'FETCH',
  states: ['selected'],
  effects: ['uses'],
  uidForm: true,
  parse,
  run,
});
