import { readMailbox } from '../arguments/mailbox.ts';
import { readMessageSet } from '../arguments/message-set.ts';
import { type MessageSet, setText } from '../protocol/message-set.ts';
import type { UidRanges } from '../protocol/number-range.ts';
import type { CopyResult } from '../session/selected-mailbox.ts';
import type { Decoder } from '../wire/decoder.ts';
import { CommandRefused, type ContextOf, defineCommand, expectWritable, type Form } from './command.ts';
import { meetNewMessages } from './meet-new-messages.ts';

type Selected = ContextOf<'selected'>;

interface CopyArguments {
  readonly set: MessageSet;
  readonly path: string;
}

function parse(decoder: Decoder): CopyArguments {
  decoder.space();
  const set = readMessageSet(decoder);
  decoder.space();
  return { set, path: readMailbox(decoder) };
}

/**
 * The messages meant. By sequence number one that is gone is named, which cannot be copied any more; by UID it is
 * passed over.
 */
async function resolve({ connection, view }: Selected, set: MessageSet, { isUid }: Form): Promise<UidRanges> {
  if (isUid) await meetNewMessages(connection, view, set);
  const positions = view.resolve(set, isUid);
  if (!isUid && view.hasGhost(positions)) {
    throw new CommandRefused('Some of the messages have been expunged', 'EXPUNGEISSUED');
  }
  return view.uidRanges(positions);
}

/** RFC 4315 section 3; undefined where nothing was copied. */
function copyUid(result: CopyResult): string | undefined {
  if (result.sourceUids.length === 0) return undefined;
  return `COPYUID ${result.uidValidity} ${setText(result.sourceUids)} ${setText(result.targetUids)}`;
}

/** RFC 3501 section 6.4.7. */
export const copy = defineCommand({
  name: 'COPY',
  states: ['selected'],
  effects: ['uses'],
  uidForm: true,
  parse,
  run: async ({ set, path }, context, form) => {
    const { view } = context;
    const uids = await resolve(context, set, form);
    const code = uids.length === 0 ? undefined : copyUid(await view.mailbox.copy(uids, path));
    return code === undefined ? {} : { code };
  },
});

/** RFC 6851: COPYUID goes ahead of the EXPUNGE lines, which come with the other news. */
export const move = defineCommand({
  name: 'MOVE',
  states: ['selected'],
  effects: ['uses', 'breaks'],
  uidForm: true,
  parse,
  run: async ({ set, path }, context, form) => {
    const { connection, view } = context;
    expectWritable(view);
    const uids = await resolve(context, set, form);
    const code = uids.length === 0 ? undefined : copyUid(await view.mailbox.move(uids, path));
    if (code !== undefined) connection.output.write(`* OK [${code}] Moved\r\n`);
    return {};
  },
});
