import type { Accounts, User } from '../lib/accounts/index.ts';
import { CommandError } from './command-error.ts';

/** @throws CommandError where nobody is called so */
export async function requireUser(accounts: Accounts, username: string): Promise<User> {
  const user = await accounts.findByUsername(username);
  if (user === undefined) throw new CommandError(`there is no user ${username}`);
  return user;
}
