import { ANY_STATE, defineCommand, parseNothing } from './command.ts';

/** RFC 3501 section 6.1.3. */
export const logout = defineCommand({
  name: 'LOGOUT',
  states: ANY_STATE,
  effects: [],
  parse: parseNothing,
  run: async (_, { connection }) => {
    connection.output.write('* BYE Logging out\r\n');
    connection.logOut();
    return {};
  },
});
