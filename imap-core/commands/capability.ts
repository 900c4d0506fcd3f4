import { ANY_STATE, defineCommand, parseNothing } from './command.ts';

/** RFC 3501 section 6.1.1. */
export const capability = defineCommand({
  name: 'CAPABILITY',
  states: ANY_STATE,
  effects: [],
  parse: parseNothing,
  run: async (_, { connection }) => {
    connection.output.write(`* CAPABILITY ${connection.capabilities()}\r\n`);
    return {};
  },
});
