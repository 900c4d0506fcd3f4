import { defineCommand, parseNothing } from './command.ts';

/** RFC 3501 section 6.4.2: what carries `\Deleted` goes without a word about it. */
export const close = defineCommand({
  name: 'CLOSE',
  states: ['selected'],
  effects: ['changes-mailbox'],
  parse: parseNothing,
  run: async (_, { connection, view }) => {
    if (!view.isReadOnly) await view.mailbox.expunge(undefined);
    connection.select(undefined);
    return {};
  },
});

/** RFC 3691. */
export const unselect = defineCommand({
  name: 'UNSELECT',
  states: ['selected'],
  effects: ['changes-mailbox'],
  parse: parseNothing,
  run: async (_, { connection }) => {
    connection.select(undefined);
    return {};
  },
});
