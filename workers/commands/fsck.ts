import type { Command } from 'commander';
import type { CheckReport, Damage } from '../check-store.ts';
import { CommandError } from '../command-error.ts';
import { withSettings, type SettingsOptions } from '../command-options.ts';
import { printJson, printLine } from '../print.ts';

interface FsckOptions extends SettingsOptions {
  readonly repair?: true;
  readonly acceptMigration?: true | string;
  readonly json?: true;
}

export function declareFsck(program: Command): void {
  withSettings(program.command('fsck'))
    .description('read everything and name each damage; exit code 0: clean, 1: damage')
    .option('--repair', 'make again what can be made of what is there, and look once more')
    .option(
      '--accept-migration [damaged]',
      'take the target of an unfinished migration as it is, for its source is lost: where it is clean, or damaged too',
    )
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
  if (options.acceptMigration !== undefined) await acceptMigration(options, damages);
}

/** What was looked at is given to servers; what the source had besides is lost. @throws CommandError */
async function acceptMigration(options: FsckOptions, damages: number): Promise<void> {
  const { withStore } = await import('../run-command.ts');
  const { refuseServers } = await import('../refuse-servers.ts');
  const { acceptCopy } = await import('../../lib/db/index.ts');
  if (damages > 0 && options.acceptMigration !== 'damaged')
    throw new CommandError('not accepted: --repair makes again what can be, --accept-migration damaged takes the rest');
  const accepts = { goesOn: 'migration' } as const;
  const isAccepted = await withStore(
    options,
    ({ database }) => acceptCopy(database, () => refuseServers(database, 'this store')),
    accepts,
  );
  if (!isAccepted)
    throw new CommandError(
      'not accepted: this database holds no migration, or one that had not yet copied every collection to its end, ' +
        'so that users are lacking; restore a backup into an empty store',
    );
  if (options.json === true) printJson({ isAccepted });
  else printLine(ACCEPTED);
}

const ACCEPTED =
  'The copy is accepted. Lacking may be what the source took in, changed or removed after the copy came by: users, ' +
  'passwords, mail, flags. UIDs that clients saw there may be given again: eider backup, then eider restore into an ' +
  'empty store, before a server starts, gives every mailbox a new UIDVALIDITY.';

interface Look {
  readonly report: CheckReport;
  readonly damages: number;
  readonly repairs: number;
}

async function look(options: FsckOptions, repairs: boolean): Promise<Look> {
  const { withStore } = await import('../run-command.ts');
  const { checkStore } = await import('../check-store.ts');
  const { refuseServers } = await import('../refuse-servers.ts');
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
  const report = await withStore(
    options,
    async (store) => {
      if (options.acceptMigration !== undefined) await refuseServers(store.database, 'this store');
      return checkStore(store, onDamage, repairs ? onRepair : undefined);
    },
    options.acceptMigration === undefined ? {} : { goesOn: 'migration' },
  );
  return { report, ...counts };
}

function describe({ user, mailbox, detail }: Damage): string {
  return `damage: user ${user}${mailbox === '' ? '' : `, mailbox ${mailbox}`}: ${detail}`;
}
