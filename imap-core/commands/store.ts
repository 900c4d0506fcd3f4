import { readStoreFlags } from '../arguments/flag-list.ts';
import { readMessageSet } from '../arguments/message-set.ts';
import type { FlagChange } from '../protocol/flags.ts';
import { mergeRanges, type MessageSet, rangesText } from '../protocol/message-set.ts';
import { type NumberRange, type UidRanges, withoutRanges } from '../protocol/number-range.ts';
import type { StoreResult } from '../session/selected-mailbox.ts';
import type { MailboxView } from '../view/mailbox-view.ts';
import type { Decoder } from '../wire/decoder.ts';
import { SyntaxFault } from '../wire/faults.ts';
import { turn } from '../wire/turn.ts';
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

/** Lines between two looks at the output. */
const BATCH = 1000;

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
    const told = withoutRanges(ranges, view.positionsOf(result.modified));
    view.settleFlags(view.uidRanges(told));
    await tellFlags(connection, view, told, isUid);
    return;
  }
  // What another session has changed since is news all the same.
  view.settleFlags(stillOurs(view, result));
  // RFC 7162 section 3.1.3: the mod-sequence is told even to who wants silence.
  if (connection.isCondstoreEnabled) await tellModSeq(connection, view, result, isUid);
}

/** Those of the changed messages that nobody has changed again. */
function stillOurs(view: MailboxView, { changed, modseq }: StoreResult): UidRanges {
  if (view.mailbox.info().highestModSeq === modseq) return changed;
  const ours: NumberRange[] = [];
  for (const { from, to } of view.positionsOf(changed)) {
    view.eachColumn(from, to, (columns, at) => {
      const uid = columns.uid(at);
      if (columns.modseq(at) === modseq) ours.push({ from: uid, to: uid });
    });
  }
  return mergeRanges(ours);
}

async function tellModSeq(
  { output }: ConnectionPort,
  view: MailboxView,
  { changed, modseq }: StoreResult,
  isUid: boolean,
): Promise<void> {
  let written = 0;
  for (const { from, to } of view.positionsOf(changed)) {
    for (let position = from; position <= to; position += 1) {
      const uidText = isUid ? `UID ${view.uidAt(position)} ` : '';
      output.write(`* ${position + 1} FETCH (${uidText}MODSEQ (${modseq}))\r\n`);
      written += 1;
      if (written % BATCH > 0) continue;
      await output.ready();
      await turn();
    }
  }
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
  const numbers = isUid
    ? result.modified
    : view.positionsOf(result.modified).map(({ from, to }) => ({ from: from + 1, to: to + 1 }));
  return { code: `MODIFIED ${rangesText(mergeRanges(numbers))}`, text: 'Some messages have changed since' };
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
