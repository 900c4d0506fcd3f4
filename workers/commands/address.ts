import type { Command } from 'commander';
import { withSettings, type SettingsOptions } from '../command-options.ts';
import { printJson, printLine } from '../print.ts';
import { requireUser } from '../require-user.ts';

interface AddressOptions extends SettingsOptions {
  readonly main?: true;
  readonly json?: true;
}

export function declareAddressCommands(program: Command): void {
  const address = program.command('address').description('give users further addresses');
  withSettings(address.command('add <name> <address>'))
    .description('give the user NAME one more address')
    .option('--main', 'make it the main one')
    .option('--json', 'print JSON')
    .action(addAddress);
}

async function addAddress(username: string, address: string, options: AddressOptions): Promise<void> {
  const { withStore } = await import('../run-command.ts');
  const added = await withStore(options, async ({ accounts }) => {
    const user = await requireUser(accounts, username);
    return await accounts.addAddress(user.id, address, { isMain: options.main === true });
  });
  if (options.json === true) {
    printJson({ id: added.id, address: added.address, user: added.user });
  } else printLine(`gave ${username} the address ${added.address}`);
}
