import type { Decoder } from '../wire/decoder.ts';
import { defineCommand } from './command.ts';
import { credentialText, expectLoginAllowed, logIn } from './credentials.ts';

function parse(decoder: Decoder): { readonly username: string; readonly password: string } {
  decoder.space();
  const username = credentialText(decoder.astring());
  decoder.space();
  return { username, password: credentialText(decoder.astring()) };
}

/** RFC 3501 section 6.2.3. */
export const login = defineCommand({
  name: 'LOGIN',
  states: ['not-authenticated'],
  effects: [],
  parse,
  run: async ({ username, password }, { connection }) => {
    expectLoginAllowed(connection);
    return await logIn(connection, username, password);
  },
});
