import { readMessageSet } from '../arguments/message-set.ts';
import type { MessageSet } from '../protocol/message-set.ts';
import type { Decoder } from '../wire/decoder.ts';
import { type Completion, type ContextOf, defineCommand, expectWritable, type Form } from './command.ts';
import { meetNewMessages } from './meet-new-messages.ts';

function parse(decoder: Decoder, { isUid }: Form): MessageSet | undefined {
  if (!isUid) return undefined;
  decoder.space();
  return readMessageSet(decoder);
}

async function run(set: MessageSet | undefined, context: ContextOf<'selected'>): Promise<Completion> {
  const { connection, view } = context;
  expectWritable(view);
  if (set !== undefined) await meetNewMessages(connection, view, set);
  const uids = set === undefined ? undefined : view.uidRanges(view.resolve(set, true));
  if (uids === undefined || uids.length > 0) await view.mailbox.expunge(uids);
  return {};
}

/** RFC 3501 section 6.4.3; with UIDs RFC 4315 section 2.1. The EXPUNGE lines come with the other news. */
export const expunge = defineCommand({
  name: 'EXPUNGE',
  states: ['selected'],
  effects: ['breaks'],
  uidForm: true,
  parse,
  run,
});
