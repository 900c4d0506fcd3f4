import { setTimeout as sleep } from 'node:timers/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { systemClock } from '../../lib/kernel/clock.ts';
import type { EngineUpkeep, RepairReport } from '../../lib/embedded/index.ts';
import { CommandError } from '../command-error.ts';
import { withSettings, type SettingsOptions } from '../command-options.ts';
import { printJson, printLine } from '../print.ts';
import { declareDbInit } from './db-init.ts';

interface DbOptions extends SettingsOptions {
  readonly json?: true;
}

interface CheckOptions extends DbOptions {
  readonly repair?: true;
  readonly acceptLoss?: true;
}

/** Upkeep of the embedded engine's own file, below all that mail is. */
export function declareDbCommands(program: Command): void {
  const db = program.commands.find((command) => command.name() === 'db') ?? program.command('db');
  if (db.description() === '') db.description('look after the database');
  declareDbInit(db);
  withSettings(db.command('backup <file>'))
    .description("copy the embedded engine's file while mail comes and goes")
    .option('--json', 'print JSON')
    .action(backUp);
  withSettings(db.command('compact'))
    .description("give the space of what was deleted in the embedded engine's file back")
    .option('--json', 'print JSON')
    .action(compact);
  withSettings(db.command('check'))
    .description("hold everything in the embedded engine's file against everything else; exit code 0: clean, 1: damage")
    .option('--repair', 'mend what can be mended without loss; the server must be stopped')
    .option(
      '--accept-loss',
      'go on without what is missing, where the engine refuses to start; the damaged files are kept',
    )
    .option('--json', 'print JSON')
    .action(check);
}

async function backUp(path: string, options: DbOptions): Promise<void> {
  const octets = await withUpkeep(options, (upkeep) => upkeep.backup(resolve(path)));
  if (options.json === true) printJson({ path: resolve(path), octets });
  else printLine(`${resolve(path)}: ${String(octets)} octets`);
}

async function compact(options: DbOptions): Promise<void> {
  const octetsFreed = await withUpkeep(options, (upkeep) => upkeep.compact());
  if (options.json === true) printJson({ octetsFreed });
  else printLine(`${String(octetsFreed)} octets given back`);
}

async function check(options: CheckOptions): Promise<void> {
  const print = (what: string, lines: readonly string[]): void => {
    for (const line of lines) {
      if (options.json === true) printJson({ [what]: line });
      else printLine(`${what}: ${line}`);
    }
  };
  if (options.acceptLoss === true) await acceptLossOf(options, print);
  if (options.repair === true) {
    const { mended, left, kept } = await repairOf(options);
    print('mended', mended);
    print('damage', left);
    if (kept !== undefined) print('kept', [`values that belonged nowhere are in ${kept}`]);
  }
  const { found, ...counts } = await withUpkeep(options, (upkeep) => upkeep.check());
  if (options.repair !== true) print('damage', found);
  if (options.json === true) printJson(counts);
  else {
    const { collections, documents, indexEntries, damages } = counts;
    const seen = `${String(collections)} collections, ${String(documents)} documents, ${String(indexEntries)} index entries`;
    printLine(`${seen}: ${damages === 0 ? 'clean' : `${String(damages)} damages`}`);
  }
  if (counts.damages > 0) process.exitCode = 1;
}

async function acceptLossOf(
  options: DbOptions,
  print: (what: string, lines: readonly string[]) => void,
): Promise<void> {
  const { acceptLoss } = await import('../../lib/embedded/index.ts');
  const accepted = await whileStopped(options, (dataDir) => acceptLoss(dataDir, stamp()));
  if (accepted === undefined) return;
  print('lost', [accepted.damage]);
  print('kept', accepted.kept);
}

async function repairOf(options: DbOptions): Promise<RepairReport> {
  const { repairStopped } = await import('../../lib/embedded/index.ts');
  return whileStopped(options, (dataDir) => repairStopped(dataDir, stamp()));
}

/** A time that can stand in the name of a file: 2026-01-31T12-00-00. */
function stamp(): string {
  return new Date(systemClock.now()).toISOString().slice(0, 19).replaceAll(':', '-');
}

/** How long an engine that has lost its last client may take to end, in milliseconds. */
const ENDING_MS = 5000;

async function whileStopped<T>(options: DbOptions, run: (dataDir: string) => T): Promise<T> {
  const { OwnedElsewhereError } = await import('../../lib/embedded/index.ts');
  const dataDir = await engineDirectory(options);
  const giveUpAt = systemClock.monotonic() + ENDING_MS;
  for (;;) {
    try {
      return run(dataDir);
    } catch (error) {
      if (!(error instanceof OwnedElsewhereError)) throw error;
      // One that served a command before this one ends by itself, a moment after its last client.
      if (systemClock.monotonic() > giveUpAt)
        throw new CommandError('an engine runs on this data directory; stop the server first', { cause: error });
      await sleep(100);
    }
  }
}

async function withUpkeep<T>(options: DbOptions, run: (upkeep: EngineUpkeep) => Promise<T>): Promise<T> {
  const [{ attachUpkeep }, { commandLogger }] = await Promise.all([
    import('../../lib/embedded/index.ts'),
    import('../command-logger.ts'),
  ]);
  const upkeep = await attachUpkeep({ dataDir: await engineDirectory(options), logger: commandLogger('warn') });
  try {
    return await run(upkeep);
  } finally {
    await upkeep.close();
  }
}

async function engineDirectory(options: DbOptions): Promise<string> {
  const [{ loadSettings }, { databaseSection, serverSection }, { requireDataDirectory }] = await Promise.all([
    import('../load-settings.ts'),
    import('../settings.ts'),
    import('../data-directory.ts'),
  ]);
  const { configuration } = await loadSettings(options);
  if (configuration.get(databaseSection).uri !== '') {
    throw new CommandError('the database is a MongoDB server: these commands are for the embedded engine');
  }
  return requireDataDirectory(configuration.get(serverSection).dataDir);
}
