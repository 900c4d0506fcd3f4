import { type ListArguments, readListArguments } from '../arguments/list-options.ts';
import { readListPattern, readReference } from '../arguments/mailbox.ts';
import { listLine } from '../responses/list.ts';
import { statusLine } from '../responses/status.ts';
import type { Decoder } from '../wire/decoder.ts';
import { turn } from '../wire/turn.ts';
import { type Completion, type ConnectionPort, type ContextOf, defineCommand, LOGGED_IN } from './command.ts';
import { chooseMailboxes, chooseSubscriptions, type ListEntry, plantForest } from './list/choose-mailboxes.ts';

/** Names matched between two turns of the event loop. */
const BATCH = 64;

function parse(decoder: Decoder): ListArguments {
  decoder.space();
  return readListArguments(decoder);
}

/** Writes each entry in turn, with pauses for the client and for other connections. */
async function writeEach<T>(
  { output }: ConnectionPort,
  entries: Iterable<T | undefined>,
  text: (entry: T) => string,
): Promise<void> {
  let matched = 0;
  for (const entry of entries) {
    if (entry !== undefined) output.write(text(entry));
    matched += 1;
    if (matched % BATCH === 0) {
      await output.ready();
      await turn();
    }
  }
}

function entryText(entry: ListEntry, args: ListArguments): string {
  const line = listLine(
    'LIST',
    entry.attributes,
    entry.path,
    entry.hasChildInfo ? '"CHILDINFO" ("SUBSCRIBED")' : undefined,
  );
  const { info } = entry;
  // RFC 5819 section 2: no STATUS for names that cannot be selected.
  if (args.statusItems === undefined || info === undefined || info.isNoselect) return line;
  return line + statusLine(info.path, args.statusItems, info);
}

async function run(args: ListArguments, context: ContextOf<'authenticated' | 'selected'>): Promise<Completion> {
  const { connection, session } = context;
  if (!args.isExtended && args.patterns[0] === '') {
    // The question is for the delimiter and the root of the reference (RFC 3501 section 6.3.8).
    connection.output.write(listLine('LIST', ['\\Noselect'], ''));
    return {};
  }
  if (args.statusItems?.includes('HIGHESTMODSEQ') === true) connection.enableCondstore();
  const needsSubscriptions = args.selects.has('SUBSCRIBED') || args.returns.has('SUBSCRIBED');
  const subscriptions = needsSubscriptions ? await session.subscriptions() : [];
  const forest = plantForest(await session.list(), subscriptions);
  await writeEach(connection, chooseMailboxes(forest, args), (entry) => entryText(entry, args));
  return {};
}

/** RFC 3501 section 6.3.8, RFC 5258, RFC 5819, RFC 6154. */
export const list = defineCommand({ name: 'LIST', states: LOGGED_IN, effects: [], parse, run });

function parseLsub(decoder: Decoder): string {
  decoder.space();
  const reference = readReference(decoder);
  decoder.space();
  return reference + readListPattern(decoder);
}

/** RFC 3501 section 6.3.9. */
export const lsub = defineCommand({
  name: 'LSUB',
  states: LOGGED_IN,
  effects: [],
  parse: parseLsub,
  run: async (pattern, { connection, session }) => {
    const subscriptions = await session.subscriptions();
    const existing = new Set((await session.list()).filter((info) => !info.isNoselect).map((info) => info.path));
    const entries = chooseSubscriptions(subscriptions, existing, pattern);
    await writeEach(connection, entries, ({ path, attributes }) => listLine('LSUB', attributes, path));
    return {};
  },
});
