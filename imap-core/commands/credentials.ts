import { SyntaxFault } from '../wire/faults.ts';
import { CommandRefused, type Completion, type ConnectionPort } from './command.ts';

/** Longer names and passwords are nobody's; the limit keeps them away from hashing. */
const MAX_CREDENTIAL_OCTETS = 4096;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Octets, one a character, as the text that they encode. */
export function credentialText(octets: string): string {
  if (octets.length > MAX_CREDENTIAL_OCTETS) throw new SyntaxFault('Name or password too long');
  try {
    return UTF8.decode(Buffer.from(octets, 'latin1'));
  } catch {
    throw new SyntaxFault('Name or password is not UTF-8');
  }
}

/** Refuses before a password is asked for or looked at. */
export function expectLoginAllowed(connection: ConnectionPort): void {
  if (!connection.isLoginAllowed) throw new CommandRefused('Log in over TLS', 'PRIVACYREQUIRED');
}

/** Logs in; the OK tells the capabilities that hold from now on. */
export async function logIn(connection: ConnectionPort, username: string, password: string): Promise<Completion> {
  await connection.authenticate(username, password);
  return { code: `CAPABILITY ${connection.capabilities()}`, text: 'Logged in' };
}
