import type { Database } from '../lib/db/index.ts';
import { systemClock } from '../lib/kernel/clock.ts';
import { createNodes } from '../lib/nodes/index.ts';
import { CommandError } from './command-error.ts';

/**
 * @param what the servers serve, for the sentence
 * @param instead what else the caller may do, for the sentence
 * @throws CommandError where a server serves the database
 */
export async function refuseServers(database: Database, what: string, instead = ''): Promise<void> {
  const nodes = await createNodes({ database, clock: systemClock }).list();
  const serving = nodes.find(({ state }) => state !== 'gone');
  if (serving === undefined) return;
  throw new CommandError(
    `process ${String(serving.pid)} on ${serving.host} serves ${what}; stop all servers first${instead}`,
  );
}
