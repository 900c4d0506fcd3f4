import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { BackupSet, Manifest } from '../../lib/backup/index.ts';
import type { TargetOptions } from '../backup-target.ts';
import { CommandError } from '../command-error.ts';
import { withSettings, type SettingsOptions } from '../command-options.ts';
import { printJson, printLine, printTable } from '../print.ts';

interface BackupOptions extends SettingsOptions, TargetOptions {
  readonly full?: true;
  readonly backup?: string;
  readonly json?: true;
}

interface PruneOptions extends BackupOptions {
  readonly keep?: string;
  readonly keepDaily?: string;
  readonly keepWeekly?: string;
  readonly keepMonthly?: string;
  readonly dryRun?: true;
}

/** Exit code: done, and something could not be taken along, which has been named. */
const DONE_IN_PART = 2;

export function declareBackup(program: Command): void {
  const backup = withTarget(program.command('backup [target]'))
    .description('back the store up, beside a running server too, to a folder or to s3://bucket/prefix')
    .option('--full', 'read everything anew instead of building on the last backup')
    .addHelpText(
      'after',
      '\nRun it again after an interruption: it goes on where it was.' +
        '\nExit code 0: done; 1: failed; 2: done, but the store itself lacks something, which is named.',
    )
    .enablePositionalOptions()
    .action(backUp);
  withTarget(backup.command('list <target>')).description('list the backups of a target').action(listTarget);
  withTarget(backup.command('verify <target>'))
    .description('read every object and check it; exit code 0: all as it was written, 1: damage')
    .option('--backup <id>', 'this backup only')
    .action(verifyTarget);
  withTarget(backup.command('prune <target>'))
    .description('remove old backups, and what no other needs; what no rule keeps goes')
    .option('--keep <number>', 'keep the newest ones')
    .option('--keep-daily <number>', 'keep the newest of each of so many days')
    .option('--keep-weekly <number>', 'keep the newest of each of so many weeks')
    .option('--keep-monthly <number>', 'keep the newest of each of so many months')
    .option('--dry-run', 'say what would go, and remove nothing')
    .action(pruneTarget);
  backup
    .command('new-key <file>')
    .description('write a new random key into a file that is not there yet')
    .action(newKey);
}

function withTarget(command: Command): Command {
  return withSettings(command)
    .option('--key-file <file>', 'key of the backups (default: backup.key-file, backup.key)')
    .option('--plain', 'without encryption')
    .option('--json', 'print JSON');
}

async function backUp(target: string | undefined, options: BackupOptions): Promise<void> {
  if (target === undefined)
    throw new CommandError('name a folder or s3://bucket/prefix; eider backup --help tells more');
  const { withStore } = await import('../run-command.ts');
  const { backupRooms } = await import('../backup-rooms.ts');
  const { keyOf, targetOf } = await import('../backup-target.ts');
  const { createBackup, openBackupSet } = await import('../../lib/backup/index.ts');
  const { createProgressBar } = await import('../transfer/progress-bar.ts');
  const manifest = await withStore(options, async (store, { configuration, clock }) => {
    const key = await keyOf(configuration, options);
    const set = await openBackupSet(targetOf(configuration, target), key, { makes: true });
    const bar = createProgressBar(clock);
    try {
      return await createBackup(backupRooms(store, clock), set, {
        isFull: options.full === true,
        onProgress: ({ users, ofUsers, octets }) =>
          bar.show(
            ofUsers === 0 ? 1 : users / ofUsers,
            `${String(users)} of ${String(ofUsers)} users, ${sizeOf(octets)}`,
          ),
      });
    } finally {
      bar.end();
    }
  });
  if (options.json === true) printJson(toJson(manifest));
  else printBackup(manifest);
  if (manifest.problems.length > 0) process.exitCode = DONE_IN_PART;
}

function printBackup({ id, kind, counts, problems }: Manifest): void {
  for (const problem of problems) printLine(`lacking: ${problem}`);
  const { users, changed, records, messages, attachments, octets } = counts;
  printLine(
    `${kind} backup ${id}: ${String(users)} users, ${String(changed)} of them changed; ${String(records)} records, ` +
      `${String(messages)} messages, ${String(attachments)} attachments written, ${sizeOf(octets)}`,
  );
}

async function listTarget(target: string, options: BackupOptions): Promise<void> {
  const { readManifests } = await import('../../lib/backup/index.ts');
  const damages: string[] = [];
  const manifests = await readManifests(await openSet(target, options), (damage) => void damages.push(damage));
  if (options.json === true) for (const manifest of manifests) printJson(toJson(manifest));
  else
    printTable(
      ['BACKUP', 'KIND', 'BEGUN', 'USERS', 'MESSAGES', 'WRITTEN', 'LACKING'],
      manifests.map(({ id, kind, startedAt, counts, problems }) => [
        id,
        kind,
        new Date(startedAt).toISOString(),
        String(counts.users),
        String(counts.messages),
        sizeOf(counts.octets),
        String(problems.length),
      ]),
    );
  for (const damage of damages) {
    if (options.json === true) printJson({ damage });
    else printLine(`damage: ${damage}`);
  }
  if (damages.length > 0) process.exitCode = DONE_IN_PART;
}

async function verifyTarget(target: string, options: BackupOptions): Promise<void> {
  const { verifyBackups } = await import('../../lib/backup/index.ts');
  const { createProgressBar } = await import('../transfer/progress-bar.ts');
  const { systemClock } = await import('../../lib/kernel/clock.ts');
  const bar = createProgressBar(systemClock);
  const set = await openSet(target, options);
  const report = await verifyBackups(set, {
    ...(options.backup === undefined ? {} : { backup: options.backup }),
    onDamage: (damage) => {
      if (options.json === true) printJson({ damage });
      else printLine(`damage: ${damage}`);
    },
    onProgress: (objects) => bar.show(0, `${String(objects)} objects`),
  }).finally(() => bar.end());
  if (report.backups === 0) throw new CommandError('there is no such backup');
  const { backups, objects, damages } = report;
  if (options.json === true) printJson(report);
  else
    printLine(
      `${String(backups)} backups, ${String(objects)} objects: ${damages === 0 ? 'as they were written' : `${String(damages)} damaged`}`,
    );
  if (damages > 0) process.exitCode = 1;
}

async function pruneTarget(target: string, options: PruneOptions): Promise<void> {
  const rules = {
    last: countOf('--keep', options.keep),
    daily: countOf('--keep-daily', options.keepDaily),
    weekly: countOf('--keep-weekly', options.keepWeekly),
    monthly: countOf('--keep-monthly', options.keepMonthly),
  };
  if (Object.values(rules).every((count) => count === 0))
    throw new CommandError('say what to keep: --keep, --keep-daily, --keep-weekly, --keep-monthly');
  const { pruneBackups } = await import('../../lib/backup/index.ts');
  const { systemClock } = await import('../../lib/kernel/clock.ts');
  const isDryRun = options.dryRun === true;
  const report = await pruneBackups(await openSet(target, options), systemClock, rules, { isDryRun });
  if (options.json === true) printJson(report);
  else {
    const { kept, removed, objects, octets } = report;
    for (const id of removed) printLine(`${isDryRun ? 'would remove' : 'removed'} ${id}`);
    printLine(`${String(kept.length)} backups kept; ${String(objects)} objects, ${sizeOf(octets)} freed`);
  }
}

async function newKey(file: string): Promise<void> {
  const { backupKey } = await import('../../lib/backup/index.ts');
  const octets = randomBytes(32);
  await writeFile(file, `${octets.toString('hex')}\n`, { mode: 0o600, flag: 'wx' });
  printLine(`wrote key ${backupKey(octets).id} into ${file}; keep a copy where neither the store nor the backups are`);
}

async function openSet(target: string, options: BackupOptions): Promise<BackupSet> {
  const { loadSettings } = await import('../load-settings.ts');
  const { keyOf, targetOf } = await import('../backup-target.ts');
  const { openBackupSet } = await import('../../lib/backup/index.ts');
  const { configuration } = await loadSettings(options);
  return openBackupSet(targetOf(configuration, target), await keyOf(configuration, options));
}

function countOf(flag: string, text: string | undefined): number {
  if (text === undefined) return 0;
  if (!/^\d{1,6}$/.test(text)) throw new CommandError(`${flag} ${text}: write a number`);
  return Number(text);
}

function toJson({ id, kind, previous, startedAt, finishedAt, counts, problems }: Manifest): Record<string, unknown> {
  const times = { startedAt: new Date(startedAt).toISOString(), finishedAt: new Date(finishedAt).toISOString() };
  return { id, kind, previous, ...times, counts, problems };
}

function sizeOf(octets: number): string {
  const units = ['octets', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = octets;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit += 1) value /= 1024;
  return `${unit === 0 ? String(value) : value.toFixed(1)} ${units[unit] ?? ''}`;
}
