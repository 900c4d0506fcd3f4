/** The `eider` command line. Commands load what they need when they run, so that --help answers at once. */
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { armCrashPoint } from '../lib/kernel/crash-point.ts';
import { declareAdminToken } from './commands/admin-token.ts';
import { declareAddressCommands } from './commands/address.ts';
import { declareBackup } from './commands/backup.ts';
import { declareConfigCommands } from './commands/config.ts';
import { declareDbCommands } from './commands/db.ts';
import { declareExport } from './commands/export.ts';
import { declareFsck } from './commands/fsck.ts';
import { declareGc } from './commands/gc.ts';
import { declareImport } from './commands/import.ts';
import { declareMigrate } from './commands/migrate.ts';
import { declareRestore } from './commands/restore.ts';
import { declareRebuild } from './commands/rebuild.ts';
import { declareKeyCommands } from './commands/key.ts';
import { declareRewrite } from './commands/rewrite.ts';
import { declareStart } from './commands/start.ts';
import { declareStatus } from './commands/status.ts';
import { declareUndelete } from './commands/undelete.ts';
import { declareUserCommands } from './commands/user.ts';
import { reportFailure } from './report-failure.ts';
import { VERSION } from './version.ts';

// What the commands load is compiled once and kept beside the packages; where that cannot be, it is compiled anew.
enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/eider', import.meta.url)));

const program = new Command('eider')
  .description('A mail store: IMAP, POP3, LMTP and an HTTP API.')
  .version(VERSION, '--version')
  .helpOption('--help', 'show what a command does and takes')
  // Options behind the name of a subcommand are the subcommand's.
  .enablePositionalOptions()
  .showHelpAfterError('(eider --help shows what there is)')
  .configureHelp({ sortSubcommands: false });

declareStart(program);
declareStatus(program);
declareUserCommands(program);
declareAddressCommands(program);
declareImport(program);
declareExport(program);
declareConfigCommands(program);
declareAdminToken(program);
declareUndelete(program);
declareGc(program);
declareFsck(program);
declareRebuild(program);
declareDbCommands(program);
declareKeyCommands(program);
declareRewrite(program);
declareBackup(program);
declareRestore(program);
declareMigrate(program);

try {
  armCrashPoint(process.env['EIDER_CRASH_POINT'], () => process.kill(process.pid, 'SIGKILL'));
  await program.parseAsync(process.argv);
} catch (error) {
  reportFailure(error);
  process.exitCode = 1;
}
