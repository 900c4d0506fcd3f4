import type { Command } from 'commander';
import type { Comparison, Difference, MigrationReport } from '../../lib/db/index.ts';
import { CommandError } from '../command-error.ts';
import { withSettings, type SettingsOptions } from '../command-options.ts';
import type { MigrationPlace, OpenedPlace } from '../migration-side.ts';
import { printJson, printLine } from '../print.ts';

interface MigrateOptions extends SettingsOptions {
  readonly to: string;
  readonly from?: string;
  readonly online?: true;
  readonly verify?: true;
  readonly json?: true;
}

const CLOSE_MS = 5000;
/** Differences that are named one by one. */
const MOST_NAMED = 1000;

export function declareMigrate(program: Command): void {
  withSettings(program.command('migrate'))
    .description('copy the whole store to another database, and compare both sides document for document')
    .requiredOption('--to <place>', 'mongodb://HOST/DATABASE, or embedded:DIR; empty, or with an interrupted migration')
    .option('--from <place>', 'the same (default: the store of the configuration)')
    .option('--online', 'copy beside running servers; once they are stopped, run it again without this')
    .option('--verify', 'only compare both sides, and change nothing')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nRun it again after an interruption: what has been copied is not copied again.' +
        '\nExit code 0: both sides are the same; 1: they are not, or it failed.',
    )
    .action(migrate);
}

async function migrate(options: MigrateOptions): Promise<void> {
  const { loadSettings } = await import('../load-settings.ts');
  const { commandLogger } = await import('../command-logger.ts');
  const { databaseSection, serverSection } = await import('../settings.ts');
  const { openPlace, parsePlace } = await import('../migration-side.ts');
  const { createLifecycle } = await import('../../lib/kernel/lifecycle.ts');
  const { systemClock } = await import('../../lib/kernel/clock.ts');
  const { configuration } = await loadSettings(options);
  const { uri, name } = configuration.get(databaseSection);
  const usual = { dataDir: configuration.get(serverSection).dataDir, name };
  const from = options.from === undefined ? { ...usual, uri } : parsePlace(options.from, usual);
  const to = parsePlace(options.to, usual);
  const logger = commandLogger('warn');
  const lifecycle = createLifecycle(logger, systemClock);
  try {
    const source = await openPlace(from, { logger, lifecycle, makes: false });
    const target = await openPlace(to, { logger, lifecycle, makes: options.verify !== true });
    if (source.fingerprint === target.fingerprint) throw new CommandError('source and target are the same');
    await (options.verify === true ? verify(source, target, options) : copy(source, target, to, options));
  } finally {
    await lifecycle.stop(CLOSE_MS);
  }
}

async function copy(
  source: OpenedPlace,
  target: OpenedPlace,
  to: MigrationPlace,
  options: MigrateOptions,
): Promise<void> {
  const { migrateDatabase, TargetInUse } = await import('../../lib/db/index.ts');
  const { createProgressBar } = await import('../transfer/progress-bar.ts');
  const { systemClock } = await import('../../lib/kernel/clock.ts');
  const { refuseServers } = await import('../refuse-servers.ts');
  const requireStill = (): Promise<void> => refuseServers(source.database, 'the source', ', or copy with --online');
  if (options.online !== true) await requireStill();
  const bar = createProgressBar(systemClock);
  let report: MigrationReport;
  try {
    report = await migrateDatabase(source.database, target.database, {
      sourceName: source.fingerprint,
      isStill: options.online !== true,
      // Whoever came meanwhile may write after the last comparison: then the copy must not count as done.
      requireStill,
      onProgress: (progress) =>
        'compared' in progress
          ? bar.show(0.5, `comparing ${progress.collection}: ${String(progress.compared)} documents`)
          : bar.show(0, `copying ${progress.collection}: ${String(progress.documents)} documents`),
      onMended: naming(options, 'mended'),
    });
  } catch (error) {
    if (error instanceof TargetInUse) throw new CommandError(error.message, { cause: error });
    if (error instanceof RangeError)
      throw new CommandError(`${error.message}; stop what writes there, and run it again`);
    throw error;
  } finally {
    bar.end();
  }
  printSums(options, report);
  if (options.online === true)
    printLine('copied beside running servers; stop them, and run it again without --online to finish');
  else if (report.isFinished) printNext(options, to);
  else throw new CommandError('the source changes while it is copied; stop what writes there, and run it again');
}

async function verify(source: OpenedPlace, target: OpenedPlace, options: MigrateOptions): Promise<void> {
  const { compareDatabases } = await import('../../lib/db/index.ts');
  const onDifference = naming(options, 'difference');
  const comparison = await compareDatabases(source.database, target.database, { onDifference });
  printSums(options, comparison);
  if (comparison.differences > 0) process.exitCode = 1;
}

function naming(options: MigrateOptions, what: string): (difference: Difference) => void {
  let named = 0;
  return ({ collection, key, kind }) => {
    named += 1;
    if (named > MOST_NAMED) return;
    if (options.json === true) printJson({ [what]: { collection, key, kind } });
    else printLine(`${what}: ${collection} ${key}: ${kind}`);
  };
}

function printSums({ json }: MigrateOptions, { source, target, differences }: Comparison): void {
  if (json === true) printJson({ source, target, differences });
  else {
    const there = new Map(target.map((sum) => [sum.collection, sum]));
    for (const { collection, documents, digest } of source) {
      const other = there.get(collection);
      const isSame = other?.documents === documents && other.digest === digest;
      printLine(
        `${collection}: ${String(documents)} documents, ${digest.slice(0, 16)}: ${isSame ? 'the same' : 'differs'}`,
      );
    }
  }
}

function printNext({ json }: MigrateOptions, { uri, name, dataDir }: MigrationPlace): void {
  if (json === true) return;
  printLine('Both sides are the same. To go on with the copy, put this into the configuration of every server:');
  if (uri === '') printLine(`[server] data-dir = "${dataDir}"   and no [database] uri`);
  else printLine(`[database] uri = "mongodb://…" (as given to --to), name = "${name}"`);
}
