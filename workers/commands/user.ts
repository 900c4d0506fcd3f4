import type { Command } from 'commander';
import type { User } from '../../lib/accounts/index.ts';
import { parseSize } from '../../lib/config/index.ts';
import { CommandError } from '../command-error.ts';
import { withSettings, type SettingsOptions } from '../command-options.ts';
import { printJson, printLine, printTable } from '../print.ts';
import { askForPassword, readPasswordFromStdin } from '../read-password.ts';
import { requireUser } from '../require-user.ts';

interface UserOptions extends SettingsOptions {
  readonly json?: true;
  readonly passwordStdin?: true;
  readonly address?: string;
  readonly quota?: string;
  readonly name?: string;
}

const PAGE = 500;

export function declareUserCommands(program: Command): void {
  const user = program.command('user').description('make, list and remove users; set passwords');
  withSettings(user.command('add <name>'))
    .description('make a user with INBOX, Sent, Drafts, Junk and Trash')
    .option('--address <address>', 'main e-mail address (default: the name, or name@accounts.default-domain)')
    .option('--name <text>', "the person's name")
    .option('--quota <size>', 'such as 5GiB (default: accounts.default-quota)')
    .option('--password-stdin', 'read the password from standard input instead of asking for it')
    .option('--json', 'print JSON')
    .action(addUser);
  withSettings(user.command('list'))
    .description('list all users')
    .option('--json', 'print JSON, one user a line')
    .action(listUsers);
  withSettings(user.command('passwd <name>'))
    .description("set a user's password; their API tokens end")
    .option('--password-stdin', 'read the password from standard input instead of asking for it')
    .option('--json', 'print JSON')
    .action(setPassword);
  withSettings(user.command('remove <name>'))
    .description('remove a user with all addresses; their mail is gone for them at once')
    .option('--json', 'print JSON')
    .action(removeUser);
}

async function addUser(username: string, options: UserOptions): Promise<void> {
  const quotaOctets = options.quota === undefined ? undefined : parseSize(options.quota);
  if (options.quota !== undefined && quotaOctets === undefined) {
    throw new CommandError(`--quota ${options.quota}: write it as 500MiB or 5GiB`);
  }
  const password = await readPassword(options);
  const { withStore } = await import('../run-command.ts');
  const wanted = {
    username,
    password,
    ...(options.address === undefined ? {} : { address: options.address }),
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(quotaOctets === undefined ? {} : { quotaOctets }),
  };
  const user = await withStore(options, ({ accounts }) => accounts.create(wanted), { makesStore: true });
  if (options.json === true) printJson(toJson(user));
  else printLine(`made user ${user.username}${user.address === '' ? '' : ` with address ${user.address}`}`);
}

async function listUsers(options: UserOptions): Promise<void> {
  const { withStore } = await import('../run-command.ts');
  const users = await withStore(options, async ({ accounts }) => {
    const all: User[] = [];
    for (let page = await accounts.list({ limit: PAGE }); page.length > 0;) {
      all.push(...page);
      const last = page.at(-1);
      page = last === undefined || page.length < PAGE ? [] : await accounts.list({ limit: PAGE, after: last.id });
    }
    return all;
  });
  if (options.json === true) for (const user of users) printJson(toJson(user));
  else
    printTable(
      ['NAME', 'ADDRESS', 'ID'],
      users.map((user) => [user.username, user.address, user.id]),
    );
}

async function setPassword(username: string, options: UserOptions): Promise<void> {
  const password = await readPassword(options);
  const { withStore } = await import('../run-command.ts');
  const user = await withStore(options, async ({ accounts }) => {
    const { id } = await requireUser(accounts, username);
    return await accounts.update(id, { password });
  });
  if (options.json === true) printJson(toJson(user));
  else printLine(`set the password of ${user.username}`);
}

async function removeUser(username: string, options: UserOptions): Promise<void> {
  const { withStore } = await import('../run-command.ts');
  const user = await withStore(options, async ({ accounts }) => {
    const found = await requireUser(accounts, username);
    await accounts.remove(found.id);
    return found;
  });
  if (options.json === true) printJson({ id: user.id, username: user.username, removed: true });
  else printLine(`removed user ${user.username}`);
}

function readPassword(options: UserOptions): Promise<string> {
  return options.passwordStdin === true ? readPasswordFromStdin() : askForPassword();
}

function toJson(user: User): Record<string, unknown> {
  const { id, username, name, address, quotaOctets, isDisabled, createdAt } = user;
  return { id, username, name, address, quotaOctets, isDisabled, createdAt: new Date(createdAt).toISOString() };
}
