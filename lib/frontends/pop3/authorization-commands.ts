import { MailError } from '../../kernel/errors.ts';
import { bad, ok, type Answer, type Authorization, type Command } from './command.ts';
import { openMaildrop } from './maildrop.ts';
import { parsePlainResponse, type PlainCredentials } from './sasl-plain.ts';

/** Commands of the AUTHORIZATION state (RFC 1939 section 4, RFC 2595, RFC 5034). */
export const authorizationCommands: ReadonlyMap<string, Command> = new Map<string, Command>([
  ['USER', { state: 'authorization', arguments: 'rest', run: ([name = ''], at) => user(name, at) }],
  ['PASS', { state: 'authorization', arguments: 'rest', run: ([password = ''], at) => pass(password, at) }],
  ['AUTH', { state: 'authorization', arguments: { min: 0, max: 2 }, run: auth }],
  ['STLS', { state: 'authorization', arguments: { min: 0, max: 0 }, run: (_args, at) => stls(at) }],
]);

function demandPrivacy(at: Authorization): void {
  if (!at.mayLogIn) throw new MailError('privacy-required', 'Log in over TLS only');
}

/** Says yes to every name, so that nobody learns which ones exist. */
function user(name: string, at: Authorization): Answer {
  demandPrivacy(at);
  if (name === '') return bad('USER wants a name');
  at.username = name;
  return ok('Send PASS');
}

function pass(password: string, at: Authorization): Answer | Promise<Answer> {
  demandPrivacy(at);
  const { username } = at;
  at.username = undefined;
  if (username === undefined) return bad('Send USER first');
  return logIn(at, { username, password });
}

/** Without a mechanism the mechanisms are listed, as clients older than RFC 5034 expect. */
function auth(args: readonly string[], at: Authorization): Answer | Promise<Answer> {
  const [mechanism, initial] = args;
  if (mechanism === undefined) return { kind: 'lines', text: 'Mechanisms', lines: at.mayLogIn ? ['PLAIN'] : [] };
  if (mechanism.toUpperCase() !== 'PLAIN') return bad('Unknown mechanism');
  demandPrivacy(at);
  if (initial === undefined) return { kind: 'challenge', answer: (line) => plain(line, at) };
  // RFC 5034 section 4: `=` stands for an empty initial response.
  return plain(initial === '=' ? '' : initial, at);
}

function plain(response: string, at: Authorization): Answer | Promise<Answer> {
  if (response === '*') return bad('Cancelled');
  const credentials = parsePlainResponse(response);
  return credentials === undefined ? bad('Malformed response') : logIn(at, credentials);
}

async function logIn(at: Authorization, credentials: PlainCredentials): Promise<Answer> {
  const { auth, mailboxes, logger } = at.rooms;
  const { remoteAddress } = at;
  const user = await auth.login({ ...credentials, scope: 'pop3', protocol: 'POP3', remoteAddress });
  await at.admit(user);
  const maildrop = await openMaildrop(mailboxes, user.account);
  at.logIn(user, maildrop);
  logger.info({ user: user.id, remoteAddress, messages: maildrop.count }, 'POP3 log-in');
  return ok(`${String(maildrop.count)} messages (${String(maildrop.octets)} octets)`);
}

function stls(at: Authorization): Answer {
  if (at.isSecure) return bad('TLS is active already');
  if (!at.maySecure) return bad('TLS is not available');
  at.startTls();
  return ok('Begin TLS negotiation');
}
