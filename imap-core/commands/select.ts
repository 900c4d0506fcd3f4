import { readMailbox } from '../arguments/mailbox.ts';
import { flagsText, SystemFlag } from '../protocol/flags.ts';
import type { Session } from '../session/session.ts';
import { MailboxView } from '../view/mailbox-view.ts';
import type { Decoder } from '../wire/decoder.ts';
import { RefusedArgument, SyntaxFault } from '../wire/faults.ts';
import { type Completion, type ConnectionPort, type ContextOf, defineCommand, LOGGED_IN } from './command.ts';

interface SelectArguments {
  /** What is wrong with the name where it can be none. */
  readonly path: string | RefusedArgument;
  readonly isCondstore: boolean;
}

const ALL_FLAGS = 31;

/** A name that is refused is met by `run`, for it closes the mailbox that is selected as any failing SELECT does. */
function readPath(decoder: Decoder): string | RefusedArgument {
  try {
    return readMailbox(decoder);
  } catch (error) {
    if (error instanceof RefusedArgument) return error;
    throw error;
  }
}

function parse(decoder: Decoder): SelectArguments {
  decoder.space();
  const path = readPath(decoder);
  let isCondstore = false;
  if (decoder.take(' ')) {
    decoder.list(() => {
      if (decoder.word() !== 'CONDSTORE') throw new SyntaxFault('Unknown parameter of SELECT');
      isCondstore = true;
    });
  }
  return { path, isCondstore };
}

/** Sequence number of the first message without `\Seen`. */
function firstUnseen(view: MailboxView): number | undefined {
  if (view.mailbox.info().unseen === 0) return undefined;
  const columns = view.mailbox.columns();
  for (let position = 0; position < columns.count; position += 1) {
    if ((columns.systemFlags(position) & SystemFlag.seen) === 0) return position + 1;
  }
  return undefined;
}

function describe({ output }: ConnectionPort, session: Session, view: MailboxView): void {
  const info = view.mailbox.info();
  const mayAddKeywords = info.keywords.length < session.limits.keywordsPerMailbox;
  const flags = flagsText(ALL_FLAGS, info.keywords, false);
  const permanent = view.isReadOnly ? '' : `${flags}${mayAddKeywords ? ' \\*' : ''}`;
  output.write(`* FLAGS (${flags})\r\n* ${view.count} EXISTS\r\n* ${view.recentCount} RECENT\r\n`);
  const unseen = firstUnseen(view);
  if (unseen !== undefined) output.write(`* OK [UNSEEN ${unseen}] First unseen\r\n`);
  output.write(`* OK [PERMANENTFLAGS (${permanent})] Flags that stay\r\n`);
  output.write(`* OK [UIDVALIDITY ${info.uidValidity}] UIDs valid\r\n`);
  output.write(`* OK [UIDNEXT ${info.uidNext}] Next UID\r\n`);
  output.write(`* OK [HIGHESTMODSEQ ${info.highestModSeq}] Highest\r\n`);
}

async function run(
  { path, isCondstore }: SelectArguments,
  { connection, session, state }: ContextOf<'authenticated' | 'selected'>,
  isReadOnly: boolean,
): Promise<Completion> {
  // A SELECT that fails leaves nothing selected (RFC 3501 section 6.3.1).
  connection.select(undefined);
  // Whoever pipelines can tell by it which mailbox an answer is about (RFC 7162 section 3.2.11).
  if (state === 'selected') connection.output.write('* OK [CLOSED] The mailbox before is closed\r\n');
  if (path instanceof RefusedArgument) throw path;
  const mailbox = await session.open(path, isReadOnly);
  const view = new MailboxView(mailbox, isReadOnly, () => connection.mailboxDeleted());
  connection.select(view);
  if (isCondstore) connection.enableCondstore();
  describe(connection, session, view);
  return { code: isReadOnly ? 'READ-ONLY' : 'READ-WRITE', text: 'Selected' };
}

/** RFC 3501 section 6.3.1, RFC 7162 section 3.1.8. */
export const select = defineCommand({
  name: 'SELECT',
  states: LOGGED_IN,
  effects: ['changes-mailbox'],
  parse,
  run: async (args, context) => await run(args, context, false),
});

/** RFC 3501 section 6.3.2. */
export const examine = defineCommand({
  name: 'EXAMINE',
  states: LOGGED_IN,
  effects: ['changes-mailbox'],
  parse,
  run: async (args, context) => await run(args, context, true),
});
