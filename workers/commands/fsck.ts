import type { Command } from 'commander';
import type { CheckReport, Damage } from '../check-store.ts';
import { withSettings, type SettingsOptions } from '../command-options.ts';
import { printJson, printLine } from '../print.ts';

interface FsckOptions extends SettingsOptions {
  readonly repair?: true;
  readonly json?: true;
}

export function declareFsck(program: Command): void {
  withSettings(program.command('fsck'))
    .description('read everything and name each damage; exit code 0: clean, 1: damage')
    .option('--repair', 'make again what can be made of what is there, and look once more')
    .option('--json', 'print JSON: a line for each damage and each repair, and the counts')
    .action(checkEverything);
}

async function checkEverything(options: FsckOptions): Promise<void> {
  const first = await look(options, options.repair === true);
  const { repairs } = first;
  // In a store opened anew: what this one has in memory is from before the repairs.
  const { report, damages } = repairs > 0 ? await look(options, false) : first;
  if (options.json === true) printJson({ ...report, damages, ...(options.repair === true && { repairs }) });
  else {
    const { users, mailboxes, messages } = report;
    const counts = `${String(users)} users, ${String(mailboxes)} mailboxes, ${String(messages)} messages`;
    const mended = repairs === 0 ? '' : `${String(repairs)} repairs, `;
    printLine(`${counts}: ${mended}${damages === 0 ? 'clean' : `${String(damages)} damaged`}`);
  }
  if (damages > 0) process.exitCode = 1;
}

interface Look {
  readonly report: CheckReport;
  readonly damages: number;
  readonly repairs: number;
}

async function look(options: FsckOptions, repairs: boolean): Promise<Look> {
  const { withStore } = await import('../run-command.ts');
  const { checkStore } = await import('../check-store.ts');
  const counts = { damages: 0, repairs: 0 };
  const onDamage = (damage: Damage): void => {
    counts.damages += 1;
    if (options.json === true) printJson(damage);
    else printLine(describe(damage));
  };
  const onRepair = (user: string, repair: string): void => {
    counts.repairs += 1;
    if (options.json === true) printJson({ user, repair });
    else printLine(`repaired: user ${user}: ${repair}`);
  };
  const report = await withStore(options, (store) => checkStore(store, onDamage, repairs ? onRepair : undefined));
  return { report, ...counts };
}

function describe({ user, mailbox, detail }: Damage): string {
  return `damage: user ${user}${mailbox === '' ? '' : `, mailbox ${mailbox}`}: ${detail}`;
}
