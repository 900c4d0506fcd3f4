import { readStatusItems } from '../arguments/list-options.ts';
import { readMailbox } from '../arguments/mailbox.ts';
import type { StatusItem } from '../protocol/status-item.ts';
import { statusLine } from '../responses/status.ts';
import type { Decoder } from '../wire/decoder.ts';
import { CommandRefused, defineCommand, LOGGED_IN } from './command.ts';

interface StatusArguments {
  readonly path: string;
  readonly items: readonly StatusItem[];
}

function parse(decoder: Decoder): StatusArguments {
  decoder.space();
  const path = readMailbox(decoder);
  decoder.space();
  return { path, items: readStatusItems(decoder) };
}

/** RFC 3501 section 6.3.10. */
export const status = defineCommand({
  name: 'STATUS',
  states: LOGGED_IN,
  effects: [],
  parse,
  run: async ({ path, items }, { connection, session }) => {
    const info = await session.find(path);
    if (info === undefined || info.isNoselect) throw new CommandRefused('No such mailbox', 'NONEXISTENT');
    if (items.includes('HIGHESTMODSEQ')) connection.enableCondstore();
    connection.output.write(statusLine(info.path, items, info));
    return {};
  },
});
