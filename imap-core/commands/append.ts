import { readDateTime } from '../arguments/date.ts';
import { readFlagList } from '../arguments/flag-list.ts';
import { readMailbox } from '../arguments/mailbox.ts';
import type { FlagSet } from '../protocol/flags.ts';
import type { ZonedTime } from '../protocol/zoned-time.ts';
import type { AppendResult } from '../session/session.ts';
import type { Decoder } from '../wire/decoder.ts';
import { SyntaxFault } from '../wire/faults.ts';
import {
  CommandRefused,
  type Completion,
  type ContextOf,
  defineCommand,
  type Form,
  type LiteralStream,
  LOGGED_IN,
} from './command.ts';

interface AppendArguments {
  readonly path: string;
  readonly flags: FlagSet;
  readonly internalDate: ZonedTime | undefined;
  readonly literal: LiteralStream;
}

function parse(decoder: Decoder, { literal }: Form): AppendArguments {
  decoder.space();
  const path = readMailbox(decoder);
  decoder.space();
  let flags: FlagSet = { system: 0, keywords: [] };
  let internalDate: ZonedTime | undefined;
  if (decoder.peek() === '(') {
    flags = readFlagList(decoder);
    decoder.space();
  }
  if (decoder.peek() === '"') {
    internalDate = readDateTime(decoder);
    decoder.space();
  }
  if (literal === undefined) throw new SyntaxFault('Expected a literal');
  return { path, flags, internalDate, literal };
}

async function store(
  { path, flags, internalDate, literal }: AppendArguments,
  context: LoggedIn,
): Promise<AppendResult> {
  const { session } = context;
  if (literal.size > session.limits.appendOctets) throw new CommandRefused('Message too long', 'TOOBIG');
  await session.checkAppend(path, literal.size);
  try {
    return await session.append(path, { flags, internalDate, size: literal.size, octets: literal.read() });
  } catch (error) {
    // The client's own fault comes back through storage, which may have given it another name.
    throw literal.fault ?? error;
  }
}

type LoggedIn = ContextOf<'authenticated' | 'selected'>;

async function run(args: AppendArguments, context: LoggedIn): Promise<Completion> {
  const { uidValidity, uid } = await store(args, context);
  return { code: `APPENDUID ${uidValidity} ${uid}` };
}

/** RFC 3501 section 6.3.11. The message is never held whole. */
export const append = defineCommand({
  name: 'APPEND',
  states: LOGGED_IN,
  effects: [],
  // Right behind the name stands the mailbox's own literal; any later one is the message.
  streams: (decoder) => !(decoder.take(' ') && decoder.isAtEnd),
  parse,
  run,
});
