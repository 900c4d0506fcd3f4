import type { Command } from 'commander';
import { CommandError } from '../command-error.ts';
import { withSettings, type SettingsOptions } from '../command-options.ts';
import { printJson, printLine } from '../print.ts';

interface RebuildOptions extends SettingsOptions {
  readonly from: string;
  readonly json?: true;
}

export function declareRebuild(program: Command): void {
  withSettings(program.command('rebuild'))
    .description('write a damaged account anew')
    .argument('<user>', 'user name')
    .option(
      '--from <source>',
      'journal: the mailboxes, out of base and journal, while the server runs; ' +
        'messages: an account whose journal is lost, out of its message data (stop or restart all servers)',
      'journal',
    )
    .option('--json', 'print JSON')
    .action(rebuild);
}

async function rebuild(username: string, options: RebuildOptions): Promise<void> {
  if (options.from !== 'journal' && options.from !== 'messages')
    throw new CommandError(`--from ${options.from}: write it as journal or messages`);
  const { withStore } = await import('../run-command.ts');
  const { requireUser } = await import('../require-user.ts');
  const { rebuildFromMessages } = await import('../rebuild-from-messages.ts');
  await withStore(options, async (store) => {
    const user = await requireUser(store.accounts, username);
    if (options.from === 'messages') {
      const report = await rebuildFromMessages(store, user);
      if (options.json === true) {
        printJson(report);
        return;
      }
      printLine(`${String(report.messages)} messages are in the mailbox ${report.mailbox}`);
      printLine('names of other mailboxes, flags, subscriptions and what was expunged are lost; UIDVALIDITYs are new');
      printLine('restart all servers: what they remember of this account is void');
      return;
    }
    await store.mailboxes.rebuild(user.account);
    const mailboxes = (await store.mailboxes.list(user.account)).length;
    if (options.json === true) printJson({ mailboxes });
    else printLine(`${String(mailboxes)} mailboxes were written anew`);
  });
}
