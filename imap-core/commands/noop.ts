import { ANY_STATE, defineCommand, parseNothing } from './command.ts';

/** RFC 3501 section 6.1.2: the news are told by whoever ends the command. */
export const noop = defineCommand({
  name: 'NOOP',
  states: ANY_STATE,
  effects: ['needs-sync'],
  parse: parseNothing,
  run: async () => ({}),
});

/** RFC 3501 section 6.4.1: there is no checkpoint to wait for, so it is NOOP. */
export const check = defineCommand({
  name: 'CHECK',
  states: ['selected'],
  effects: ['needs-sync'],
  parse: parseNothing,
  run: async () => ({}),
});
