import type { Command } from 'commander';
import type { Manifest, RestoredAccount, RestoreOptions, RestoreRooms, UserLine } from '../../lib/backup/index.ts';
import type { BackupSet } from '../../lib/backup/index.ts';
import type { StoreRestore } from '../../lib/db/index.ts';
import type { TargetOptions } from '../backup-target.ts';
import { CommandError } from '../command-error.ts';
import { withSettings, type SettingsOptions } from '../command-options.ts';
import type { Store } from '../compose.ts';
import { printJson, printLine } from '../print.ts';

interface RestoreFlags extends SettingsOptions, TargetOptions {
  readonly backup?: string;
  readonly at?: string;
  readonly user?: string;
  readonly mailbox?: string;
  readonly as?: string;
  readonly replace?: true;
  readonly raiseQuota?: true;
  readonly resume?: true;
  readonly skipDamaged?: true;
  readonly dryRun?: true;
  readonly json?: true;
}

/** Exit code: done, and something was left out, which has been named. */
const DONE_IN_PART = 2;

export function declareRestore(program: Command): void {
  withSettings(program.command('restore <target>'))
    .description('restore a backup: the whole store into an empty one, one user, or one mailbox')
    .option('--backup <id>', 'from this backup (default: the newest, or the first that covers --at)')
    .option('--at <time>', 'as it was at that time, such as 2026-11-22T08:00:00Z')
    .option('--user <name>', 'one user; with --replace a living one, who then has the account of the backup')
    .option('--mailbox <path>', "one mailbox of --user, into a new mailbox of the user's account")
    .option('--as <path>', 'name of that mailbox (default: the old name and the day)')
    .option('--replace', "give a living user the backup's account; what came since is gone with the old one")
    .option('--raise-quota', "raise the user's quota where the mailbox does not fit")
    .option('--resume', 'go on with an interrupted restore, in place of whoever still works on it')
    .option('--skip-damaged', 'name what is damaged, leave it out, and go on')
    .option('--dry-run', 'read and check everything, and write nothing')
    .option('--key-file <file>', 'key of the backups (default: backup.key-file, backup.key)')
    .option('--plain', 'the backups are not encrypted')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExit code 0: done; 1: failed; 2: done, but something was left out, which is named.')
    .action(restore);
}

async function restore(target: string, flags: RestoreFlags): Promise<void> {
  if (flags.mailbox !== undefined && flags.user === undefined) throw new CommandError('--mailbox needs --user');
  timeOf(flags.at);
  const { withStore } = await import('../run-command.ts');
  const { backupRooms } = await import('../backup-rooms.ts');
  const { keyOf, targetOf } = await import('../backup-target.ts');
  const { chooseBackup, openBackupSet } = await import('../../lib/backup/index.ts');
  const { createProgressBar } = await import('../transfer/progress-bar.ts');
  const damages: string[] = [];
  const locked = new Map<string, number>();
  const report = await withStore(
    flags,
    async (store, { configuration, clock }) => {
      const set = await openBackupSet(targetOf(configuration, target), await keyOf(configuration, flags));
      const rooms = backupRooms(store, clock);
      const begun = flags.resume === true ? await rooms.notes.read() : undefined;
      const { id, until } = wantedOf(flags, begun);
      const manifest = chooseBackup(await manifestsOf(set, id), { id, until });
      if (manifest === undefined) throw new CommandError(noBackup(flags));
      const bar = createProgressBar(clock);
      let messages = 0;
      const options: RestoreOptions = {
        ...(until === undefined ? {} : { until }),
        isDryRun: flags.dryRun === true,
        takesOver: flags.resume === true,
        ...(flags.skipDamaged === true ? { onDamage: (sentence: string) => void damages.push(sentence) } : {}),
        onLockedMessage: (keyId) => void locked.set(keyId, (locked.get(keyId) ?? 0) + 1),
        onMessage: () => bar.show(0, `${String((messages += 1))} messages`),
      };
      const parts = { store, rooms, set, manifest, flags };
      return await run(parts, options).finally(() => bar.end());
    },
    { makesStore: true, ...(flags.resume === true && flags.user === undefined ? { goesOn: 'restore' } : {}) },
  );
  print(flags, report, damages, locked);
}

/** That of the backup that is named, whatever has become of others; else all of them. */
async function manifestsOf(set: BackupSet, id: string | undefined): Promise<readonly Manifest[]> {
  const { readManifest, readManifests } = await import('../../lib/backup/index.ts');
  if (id !== undefined) return [await readManifest(set, id)].filter((manifest) => manifest !== undefined);
  try {
    return await readManifests(set);
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'DamagedObject') throw error;
    throw new CommandError(`${error.message}; choose a backup with --backup, from eider backup list`, { cause: error });
  }
}

interface RestoreParts {
  readonly store: Store;
  readonly rooms: RestoreRooms;
  readonly set: BackupSet;
  readonly manifest: Manifest;
  readonly flags: RestoreFlags;
}

type Report = Readonly<Record<string, unknown>>;

async function run(parts: RestoreParts, options: RestoreOptions): Promise<Report> {
  const { store, rooms, set, manifest, flags } = parts;
  const { findUser, RestoreUnderWay, restoreStore, StoreNotEmpty } = await import('../../lib/backup/index.ts');
  const { refuseServers } = await import('../refuse-servers.ts');
  const { MailError } = await import('../../lib/kernel/errors.ts');
  const backup = { backup: manifest.id };
  if (flags.user === undefined) {
    try {
      const goesOn = flags.resume === true;
      const whenMarked = (): Promise<void> => refuseServers(store.database, 'this store');
      return { ...backup, ...(await restoreStore(rooms, set, manifest, { ...options, goesOn, whenMarked })) };
    } catch (error) {
      if (error instanceof StoreNotEmpty)
        throw new CommandError(`${error.message}; --resume goes on`, { cause: error });
      throw error;
    }
  }
  const line = await findUser(set, manifest, flags.user);
  if (line === undefined) throw new CommandError(`backup ${manifest.id} has no user ${flags.user}`);
  if (flags.mailbox !== undefined) return { ...backup, ...(await oneMailbox(parts, line, flags.mailbox, options)) };
  try {
    const restored = await oneUser(parts, line, options);
    return { ...backup, ...(restored ?? { username: line.username, messages: 0 }) };
  } catch (error) {
    if (error instanceof RestoreUnderWay)
      throw new CommandError(`${error.message}; where it was interrupted, --resume takes its place`, { cause: error });
    if (error instanceof MailError && error.code === 'user-exists') {
      const sentence = `${error.message}, who has another id than the one in the backup; --mailbox puts mailboxes of the backup`;
      throw new CommandError(`${sentence} beside those of that user, or remove or rename that user first`, {
        cause: error,
      });
    }
    throw error;
  }
}

async function oneUser(
  { rooms, set, flags }: RestoreParts,
  line: UserLine,
  options: RestoreOptions,
): Promise<RestoredAccount | undefined> {
  const { replaceAccount, restoreUser } = await import('../../lib/backup/index.ts');
  if ((await rooms.users.find(line.id)) === undefined) return restoreUser(rooms, set, line, options);
  if (flags.replace !== true && options.isDryRun !== true) {
    throw new CommandError(
      `user ${line.username} is there; --replace gives the account of the backup in place of the living one, ` +
        '--mailbox restores one mailbox beside the others',
    );
  }
  return replaceAccount(rooms, set, line, options);
}

async function oneMailbox(
  { store, rooms, set, manifest, flags }: RestoreParts,
  line: UserLine,
  path: string,
  options: RestoreOptions,
): Promise<Report> {
  const { restoreMailbox } = await import('../../lib/backup/index.ts');
  const { requireUser } = await import('../require-user.ts');
  const { MailError } = await import('../../lib/kernel/errors.ts');
  const user = await requireUser(store.accounts, line.username);
  const day = new Date(options.until ?? manifest.startedAt).toISOString().slice(0, 10);
  const target = flags.as ?? `${path} ${day}`;
  const wanted = { account: user.account, path, target };
  try {
    return { mailbox: target, messages: await restoreMailbox(rooms, set, line, wanted, options) };
  } catch (error) {
    if (!(error instanceof MailError) || error.code !== 'over-quota') throw error;
    if (flags.raiseQuota !== true)
      throw new CommandError(`${error.message}; --raise-quota raises it`, { cause: error });
  }
  const { mailboxOctets } = await import('../../lib/backup/index.ts');
  const { octets } = await store.mailboxes.usage(user.account);
  const quotaOctets = octets + (await mailboxOctets(set, line, path, options));
  await store.accounts.update(user.id, { quotaOctets });
  return { mailbox: target, quotaOctets, messages: await restoreMailbox(rooms, set, line, wanted, options) };
}

function print(
  { json, dryRun }: RestoreFlags,
  report: Report,
  damages: readonly string[],
  locked: ReadonlyMap<string, number>,
): void {
  const lackingKeys = Object.fromEntries(locked);
  if (json === true) printJson({ ...report, isDryRun: dryRun === true, leftOut: damages, lackingKeys });
  else {
    for (const damage of damages) printLine(`left out: ${damage}`);
    if (dryRun === true) printLine('nothing was written');
    for (const [name, value] of Object.entries(report))
      printLine(`${name}: ${Array.isArray(value) ? value.join(', ') : String(value)}`);
    for (const [keyId, messages] of locked)
      printLine(
        `warning: ${String(messages)} messages are sealed with the content key ${keyId}, which is not configured here: ` +
          'nobody can read them until encryption.key-file holds it too',
      );
  }
  if (damages.length > 0) process.exitCode = DONE_IN_PART;
}

/** What an interrupted restore began with is what it goes on with. @throws CommandError where the flags say otherwise */
function wantedOf(
  flags: RestoreFlags,
  begun: StoreRestore | undefined,
): { readonly id: string | undefined; readonly until: number | undefined } {
  const until = timeOf(flags.at);
  if (begun === undefined) return { id: flags.backup, until };
  if ((flags.backup ?? begun.backup) !== begun.backup || (until ?? begun.until) !== begun.until)
    throw new CommandError(
      `the restore that was interrupted is of backup ${begun.backup}; go on without --backup and --at`,
    );
  return { id: begun.backup, until: begun.until };
}

function timeOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const time = Date.parse(text);
  if (Number.isNaN(time) || !/^\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:?\d\d)$/.test(text))
    throw new CommandError(`--at ${text}: write it with its zone, as 2026-11-22T08:00:00Z`);
  return time;
}

function noBackup({ backup, at }: RestoreFlags): string {
  if (at === undefined) return backup === undefined ? 'there is no finished backup' : `there is no backup ${backup}`;
  return `${backup === undefined ? 'no backup' : `backup ${backup}`} covers that time: it must have begun later`;
}
