import { clocksApart, inspectDatabase, planPreparation, type Database } from '../lib/db/index.ts';
import type { Clock } from '../lib/kernel/clock.ts';
import type { Logger } from '../lib/kernel/logger.ts';
import { collections } from './collections.ts';
import { CommandError } from './command-error.ts';

/**
 * Says at the start what `eider db init` would still do, and whether the clocks agree: what is written by one that is
 * behind looks old to whoever removes what is old. It changes nothing: on a cluster that is an operator's decision, and the
 * embedded engine needs nothing of it.
 * @throws CommandError for what mail must not be kept on, such as a server that replicates to nobody
 */
export async function checkDatabase(database: Database, logger: Logger, clock: Clock): Promise<void> {
  let preparation: ReturnType<typeof planPreparation>;
  try {
    const apartMs = await clocksApart(database, clock);
    if (apartMs > 0) logger.warn({ apartMs }, 'the clock of this machine is not that of the database: set it right');
    const found = await inspectDatabase(
      database,
      collections.map(({ name }) => name),
    );
    if (found.kind === 'embedded') return;
    preparation = planPreparation(collections, found, { chunksPerShard: 1 });
  } catch (error) {
    // Whoever may read and write mail need not be allowed to look at how the cluster is made.
    logger.warn({ err: error }, 'whether the database is prepared, and its clock agrees, could not be seen');
    return;
  }
  const [problem] = preparation.problems;
  if (problem !== undefined) throw new CommandError(`the database cannot be used: ${problem}`);
  // How a collection is split is the balancer's business once there is mail in it.
  const missing = preparation.steps.filter(({ kind }) => kind === 'create' || kind === 'index' || kind === 'shard');
  if (missing.length === 0) return;
  const names = [...new Set(missing.map(({ kind, collection }) => `${kind} ${collection}`))];
  logger.warn({ missing: names }, 'the database is not prepared: run eider db init');
}
