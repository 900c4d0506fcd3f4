import { isEnableName } from '../protocol/capabilities.ts';
import type { Decoder } from '../wire/decoder.ts';
import { defineCommand, LOGGED_IN } from './command.ts';

function parse(decoder: Decoder): readonly string[] {
  const names: string[] = [];
  decoder.space();
  do names.push(decoder.word());
  while (decoder.take(' '));
  return names;
}

/** RFC 5161: what is not known is passed over. */
export const enable = defineCommand({
  name: 'ENABLE',
  states: LOGGED_IN,
  effects: [],
  parse,
  run: async (names, context) => {
    const { connection } = context;
    const enabled = [...new Set(names)].filter(isEnableName).filter(() => !connection.isCondstoreEnabled);
    connection.output.write(`* ENABLED${enabled.map((name) => ` ${name}`).join('')}\r\n`);
    if (enabled.length > 0) {
      connection.enableCondstore();
      if (context.state === 'selected') {
        const { highestModSeq } = context.view.mailbox.info();
        connection.output.write(`* OK [HIGHESTMODSEQ ${highestModSeq}] Highest\r\n`);
      }
    }
    return {};
  },
});
