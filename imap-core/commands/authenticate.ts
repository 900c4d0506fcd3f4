import { SyntaxFault } from '../wire/faults.ts';
import type { Decoder } from '../wire/decoder.ts';
import { CommandRefused, defineCommand } from './command.ts';
import { credentialText, expectLoginAllowed, logIn } from './credentials.ts';

interface AuthenticateArguments {
  readonly mechanism: string;
  /** In base64, `=` for an empty one (RFC 4959). */
  readonly initialResponse: string | undefined;
}

interface PlainCredentials {
  readonly authorizationId: string;
  readonly username: string;
  readonly password: string;
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function parse(decoder: Decoder): AuthenticateArguments {
  decoder.space();
  const mechanism = decoder.word();
  return { mechanism, initialResponse: decoder.take(' ') ? decoder.astring() : undefined };
}

/**
 * RFC 4616: authorisation id, authentication id and password with NULs between.
 * @throws SyntaxFault
 */
function readPlainResponse(response: string): PlainCredentials {
  if (response === '*') throw new SyntaxFault('Authentication aborted');
  if (!BASE64.test(response)) throw new SyntaxFault('Expected base64');
  const parts = Buffer.from(response, 'base64').toString('latin1').split('\0');
  const [authorizationId, username, password] = parts.map(credentialText);
  if (parts.length !== 3 || authorizationId === undefined || !username || !password) {
    throw new SyntaxFault('Expected a PLAIN response');
  }
  return { authorizationId, username, password };
}

/** RFC 3501 section 6.2.2 with an initial response (RFC 4959). */
export const authenticate = defineCommand({
  name: 'AUTHENTICATE',
  states: ['not-authenticated'],
  effects: [],
  parse,
  run: async ({ mechanism, initialResponse }, { connection }) => {
    if (mechanism !== 'PLAIN') throw new CommandRefused('Unknown mechanism');
    expectLoginAllowed(connection);
    const response = initialResponse ?? (await connection.ask(''));
    const { authorizationId, username, password } = readPlainResponse(response === '=' ? '' : response);
    if (authorizationId !== '' && authorizationId !== username) {
      throw new CommandRefused('Nobody may act for another', 'AUTHORIZATIONFAILED');
    }
    return await logIn(connection, username, password);
  },
});
