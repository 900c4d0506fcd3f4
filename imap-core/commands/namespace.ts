import { HIERARCHY_DELIMITER } from '../protocol/mailbox.ts';
import { defineCommand, LOGGED_IN, parseNothing } from './command.ts';

/** RFC 2342: everything is the user's own. */
export const namespace = defineCommand({
  name: 'NAMESPACE',
  states: LOGGED_IN,
  effects: [],
  parse: parseNothing,
  run: async (_, { connection }) => {
    connection.output.write(`* NAMESPACE (("" "${HIERARCHY_DELIMITER}")) NIL NIL\r\n`);
    return {};
  },
});
