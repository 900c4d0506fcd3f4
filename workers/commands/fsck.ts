import type { Command } from 'commander';
import type { Damage } from '../check-store.ts';
import { withSettings, type SettingsOptions } from '../command-options.ts';
import { printJson, printLine } from '../print.ts';

interface FsckOptions extends SettingsOptions {
  readonly json?: true;
}

export function declareFsck(program: Command): void {
  withSettings(program.command('fsck'))
    .description('read everything and name each damage; exit code 0: clean, 1: damage')
    .option('--json', 'print JSON: a line for each damage, and the counts')
    .action(checkEverything);
}

async function checkEverything(options: FsckOptions): Promise<void> {
  const { withStore } = await import('../run-command.ts');
  const { checkStore } = await import('../check-store.ts');
  let damages = 0;
  const report = await withStore(options, (store) =>
    checkStore(store, (damage) => {
      damages += 1;
      if (options.json === true) printJson(damage);
      else printLine(describe(damage));
    }),
  );
  if (options.json === true) printJson({ ...report, damages });
  else {
    const { users, mailboxes, messages } = report;
    const counts = `${String(users)} users, ${String(mailboxes)} mailboxes, ${String(messages)} messages`;
    printLine(`${counts}: ${damages === 0 ? 'clean' : `${String(damages)} damaged`}`);
  }
  if (damages > 0) process.exitCode = 1;
}

function describe({ user, mailbox, detail }: Damage): string {
  return `damage: user ${user}${mailbox === '' ? '' : `, mailbox ${mailbox}`}: ${detail}`;
}
