import type { Command } from 'commander';
import { collections } from '../collections.ts';
import { CommandError } from '../command-error.ts';
import { withSettings, type SettingsOptions } from '../command-options.ts';
import { printJson, printLine } from '../print.ts';

interface InitOptions extends SettingsOptions {
  readonly dryRun?: true;
  readonly chunksPerShard: string;
  readonly json?: true;
}

/** Pieces of each collection on each shard: enough for the balancer to move some later. */
const CHUNKS_PER_SHARD = 4;
const MOST_CHUNKS_PER_SHARD = 1000;

/** @param db the command `eider db` */
export function declareDbInit(db: Command): void {
  withSettings(db.command('init'))
    .description('make collections, indexes and, on a sharded cluster, shard keys and ranges; may be run again')
    .option('--dry-run', 'print what would be done and do nothing; exit code 1 where something is missing')
    .option('--chunks-per-shard <number>', 'pieces of a new collection on each shard', String(CHUNKS_PER_SHARD))
    .option('--json', 'print JSON: a line for each command')
    .action(initialise);
}

async function initialise(options: InitOptions): Promise<void> {
  const chunksPerShard = Number(options.chunksPerShard);
  if (!Number.isInteger(chunksPerShard) || chunksPerShard < 1 || chunksPerShard > MOST_CHUNKS_PER_SHARD)
    throw new CommandError(`--chunks-per-shard ${options.chunksPerShard}: a number from 1 to ${MOST_CHUNKS_PER_SHARD}`);
  const { withDatabase } = await import('../run-command.ts');
  const { inspectDatabase, planPreparation, runPreparationStep, stepText } = await import('../../lib/db/index.ts');
  const isDry = options.dryRun === true;
  await withDatabase(options, async (database) => {
    const found = await inspectDatabase(
      database,
      collections.map(({ name }) => name),
    );
    const { steps, problems } = planPreparation(collections, found, { chunksPerShard });
    for (const problem of problems) printLine(`problem: ${problem}`);
    if (problems.length > 0) throw new CommandError('nothing was changed: this has to be put right by hand first');
    for (const step of steps) {
      if (!isDry) await runPreparationStep(database, step);
      if (options.json === true) printJson({ kind: step.kind, collection: step.collection, command: stepText(step) });
      else printLine(stepText(step));
    }
    if (options.json !== true) printLine(summary(found.kind, found.shards.length, steps.length, isDry));
    if (isDry && steps.length > 0) process.exitCode = 1;
  });
}

function summary(kind: string, shards: number, steps: number, isDry: boolean): string {
  const where =
    kind === 'sharded' ? `a cluster of ${shards} shards` : kind === 'embedded' ? 'the embedded engine' : kind;
  if (steps === 0) return `${where}: nothing is missing`;
  return `${where}: ${steps} commands ${isDry ? 'to be run' : 'run'}`;
}
