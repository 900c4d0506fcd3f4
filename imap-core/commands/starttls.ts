import { CommandRefused, defineCommand, parseNothing } from './command.ts';

/** RFC 3501 section 6.2.1. */
export const starttls = defineCommand({
  name: 'STARTTLS',
  states: ['not-authenticated'],
  effects: [],
  parse: parseNothing,
  run: async (_, { connection }) => {
    if (!connection.canStartTls) throw new CommandRefused('TLS is not to be had here');
    connection.startTls();
    return { text: 'Begin TLS negotiation now' };
  },
});
