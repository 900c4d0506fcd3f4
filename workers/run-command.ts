import type { Database, UnfinishedWork } from '../lib/db/index.ts';
import { createLifecycle } from '../lib/kernel/lifecycle.ts';
import { systemClock } from '../lib/kernel/clock.ts';
import { commandLogger } from './command-logger.ts';
import { connect, openStore, type Store, type Surroundings } from './compose.ts';
import { prepareDataDirectory, requireDataDirectory } from './data-directory.ts';
import { loadSettings, type SettingsFlags } from './load-settings.ts';
import { databaseSection, serverSection } from './settings.ts';

/** How long what a command has opened may take to close, in milliseconds. */
const CLOSE_MS = 5000;

/**
 * Opens the store for one command and closes it again whatever becomes of it; beside a running server too, whose
 * engine is then shared.
 * @throws CommandError where the store is half migrated, or half restored, and `goesOn` does not say so
 */
export function withStore<T>(
  flags: SettingsFlags,
  run: (store: Store, surroundings: Surroundings) => Promise<T>,
  { makesStore, goesOn }: { readonly makesStore?: true; readonly goesOn?: UnfinishedWork['kind'] } = {},
): Promise<T> {
  return withSurroundings(
    flags,
    async (surroundings) =>
      run(await openStore({ ...surroundings, ...(goesOn === undefined ? {} : { goesOn }) }), surroundings),
    makesStore === true,
  );
}

/** Connects to the database alone: nothing is made in it, and no room is opened. */
export function withDatabase<T>(flags: SettingsFlags, run: (database: Database) => Promise<T>): Promise<T> {
  return withSurroundings(flags, async (surroundings) => run(await connect(surroundings)), false);
}

async function withSurroundings<T>(
  flags: SettingsFlags,
  run: (surroundings: Surroundings) => Promise<T>,
  makesStore: boolean,
): Promise<T> {
  const { configuration } = await loadSettings(flags);
  const { dataDir } = configuration.get(serverSection);
  // A mistyped folder is told, not made; with MongoDB the folder holds nothing that a command needs.
  const mayMake = makesStore || configuration.get(databaseSection).uri !== '';
  const directory = mayMake ? await prepareDataDirectory(dataDir) : await requireDataDirectory(dataDir);
  const logger = commandLogger('warn');
  const lifecycle = createLifecycle(logger, systemClock);
  const surroundings = { configuration, dataDir: directory, logger, clock: systemClock, lifecycle };
  try {
    return await run(surroundings);
  } finally {
    await lifecycle.stop(CLOSE_MS);
  }
}
