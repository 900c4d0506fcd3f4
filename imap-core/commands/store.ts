import { readStoreFlags } from '../arguments/flag-list.ts';
import { readMessageSet } from '../arguments/message-set.ts';
import type { FlagChange } from '../protocol/flags.ts';
import { type MessageSet, setText } from '../protocol/message-set.ts';
import type { NumberRange } from '../protocol/number-range.ts';
import type { StoreResult } from '../session/selected-mailbox.ts';
import type { MailboxView } from '../view/mailbox-view.ts';
import type { Decoder } from '../wire/decoder.ts';
import { SyntaxFault } from '../wire/faults.ts';
import {
  type Completion,
  type ConnectionPort,
  type ContextOf,
  defineCommand,
  expectWritable,
  type Form,
} from './command.ts';
import { meetNewMessages } from './meet-new-messages.ts';
import { tellFlags } from './tell-updates.ts';

interface StoreArguments {
  readonly set: MessageSet;
  readonly change: FlagChange;
  readonly isSilent: boolean;
  readonly unchangedSince: number | undefined;
}

const MODES: ReadonlyMap<string, FlagChange['mode']> = new Map([
  ['', 'replace'],
  ['+', 'add'],
  ['-', 'remove'],
]);

function parse(decoder: Decoder): StoreArguments {
  decoder.space();
  const set = readMessageSet(decoder);
  decoder.space();
  let unchangedSince: number | undefined;
  if (decoder.peek() === '(') {
    decoder.list(() => {
      if (decoder.word() !== 'UNCHANGEDSINCE') throw new SyntaxFault('Unknown modifier of STORE');
      decoder.space();
      unchangedSince = decoder.modSeq();
    });
    decoder.space();
  }
  const sign = ['+', '-'].find((character) => decoder.take(character)) ?? '';
  const name = decoder.dottedWord();
  if (name !== 'FLAGS' && name !== 'FLAGS.SILENT') throw new SyntaxFault('Expected FLAGS');
  decoder.space();
  const change: FlagChange = { mode: MODES.get(sign) ?? 'replace', flags: readStoreFlags(decoder) };
  return { set, change, isSilent: name === 'FLAGS.SILENT', unchangedSince };
}

function positionsIn(view: MailboxView, ranges: readonly NumberRange[], passedOver: ReadonlySet<number>): number[] {
  const positions: number[] = [];
  for (const { from, to } of ranges) {
    for (let position = from; position <= to; position += 1) {
      if (!passedOver.has(view.uidAt(position))) positions.push(position);
    }
  }
  return positions;
}

/** Answers with the new flags, and forgets the news that this very command has made. */
async function tellResult(
  connection: ConnectionPort,
  view: MailboxView,
  ranges: readonly NumberRange[],
  result: StoreResult,
  { isSilent, isUid }: { readonly isSilent: boolean; readonly isUid: boolean },
): Promise<void> {
  if (!isSilent) {
    // Settled first: what changes while the client is being told is news.
    const modified = new Set(result.modified);
    const told = positionsIn(view, ranges, modified);
    const toldUids = new Set(told.map((position) => view.uidAt(position)));
    view.settleFlags((uid) => toldUids.has(uid));
    await tellFlags(connection, view, told, isUid);
    return;
  }
  const changed = new Set(result.changed);
  if (connection.isCondstoreEnabled) {
    // RFC 7162 section 3.1.3: the mod-sequence is told even to who wants silence.
    for (const uid of result.changed) {
      const position = view.positionOf(uid);
      if (position === undefined) continue;
      const uidText = isUid ? `UID ${uid} ` : '';
      connection.output.write(`* ${position + 1} FETCH (${uidText}MODSEQ (${result.modseq}))\r\n`);
    }
  }
  // What another session has changed since is news all the same.
  view.settleFlags((uid) => changed.has(uid) && view.mailbox.row(uid)?.modseq === result.modseq);
}

async function run(args: StoreArguments, context: ContextOf<'selected'>, { isUid }: Form): Promise<Completion> {
  const { connection, view } = context;
  expectWritable(view);
  if (args.unchangedSince !== undefined) connection.enableCondstore();
  if (isUid) await meetNewMessages(connection, view, args.set);
  const ranges = view.resolve(args.set, isUid);
  if (ranges.length === 0) return {};
  const options = args.unchangedSince === undefined ? {} : { unchangedSince: args.unchangedSince };
  const result = await view.mailbox.storeFlags(view.uidRanges(ranges), args.change, options);
  await tellResult(connection, view, ranges, result, { isSilent: args.isSilent, isUid });
  if (result.modified.length === 0) return {};
  const numbers = isUid ? result.modified : result.modified.map((uid) => (view.positionOf(uid) ?? 0) + 1);
  return { code: `MODIFIED ${setText(numbers)}`, text: 'Some messages have changed since' };
}

/** RFC 3501 section 6.4.6, RFC 7162 section 3.1.3. */
export const store = defineCommand({
  name: 'STORE',
  states: ['selected'],
  effects: ['uses'],
  uidForm: true,
  parse,
  run,
});
