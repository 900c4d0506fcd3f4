import { createCertificates, tlsSection } from '../../lib/certificates/index.ts';
import { loadConfiguration } from '../../lib/config/index.ts';
import { systemClock } from '../../lib/kernel/clock.ts';
import { createLifecycle } from '../../lib/kernel/lifecycle.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { createLoadMeter } from '../../workers/node-load.ts';
import { openStore, type Store } from '../../workers/compose.ts';
import { sections } from '../../workers/sections.ts';
import { startFrontEnds } from '../../workers/start-front-ends.ts';
import { databaseVariables } from './given-database.ts';
import { makeDataDir } from './server-process.ts';

interface At {
  readonly host: string;
  readonly port: number;
}

/** The whole server in the test's own process, so that its database commands can be counted. */
export interface InProcessServer {
  readonly imap: At;
  readonly pop3: At;
  readonly lmtp: At;
  /** The API's URL. */
  readonly api: string;
  readonly adminToken: string;
  /** The rooms behind it. */
  readonly store: Store;
  readonly dataDir: string;
  createUser(username: string, password: string, address: string): Promise<void>;
  /** The names of the commands that went to the database while `run` ran, in order. */
  commandsDuring(run: () => Promise<unknown>): Promise<readonly string[]>;
  /** Writes the user's account down now, so that the background does not do it during a count. */
  fold(username: string): Promise<void>;
  close(): Promise<void>;
}

const ADMIN_TOKEN = 'f'.repeat(40);

/**
 * @param dataDir of a server that runs already, to be a second one on the same data
 * @param environment names another database than the tests' own
 */
export async function startInProcess(
  dataDir?: string,
  environment?: Readonly<Record<string, string>>,
): Promise<InProcessServer> {
  const data = dataDir === undefined ? await makeDataDir() : { path: dataDir, remove: async () => undefined };
  const configuration = loadConfiguration(sections, { environment: environment ?? databaseVariables(data.path) });
  const lifecycle = createLifecycle(silentLogger, systemClock);
  const common = { configuration, logger: silentLogger, clock: systemClock, lifecycle };
  const store = await openStore({ ...common, dataDir: data.path, monitorCommands: true });
  const certificates = await createCertificates({
    settings: configuration.get(tlsSection),
    dataDir: data.path,
    names: ['localhost'],
    clock: systemClock,
    logger: silentLogger,
  });
  const { imap, pop3, lmtp, api } = await startFrontEnds({
    ...common,
    store,
    certificates,
    hostname: 'localhost',
    adminTokens: {
      ofThisRun: ADMIN_TOKEN,
      shownOnce: undefined,
      isAdmin: (token) => token === ADMIN_TOKEN,
      cursorSecret: () => ADMIN_TOKEN,
      refresh: async () => undefined,
    },
    load: createLoadMeter(systemClock),
    isDraining: () => false,
    onReload: () => undefined,
    freePorts: true,
  });
  if (imap === undefined || pop3 === undefined || lmtp === undefined || api === undefined)
    throw new Error('not everything is served');
  return {
    imap,
    pop3,
    lmtp,
    api: api.url,
    adminToken: ADMIN_TOKEN,
    store,
    dataDir: data.path,
    createUser: async (username, password, address) => {
      await store.accounts.create({ username, password, address });
    },
    commandsDuring: async (run) => {
      const names: string[] = [];
      const note = ({ commandName }: { readonly commandName: string }): void => void names.push(commandName);
      store.database.client.on('commandStarted', note);
      try {
        await run();
      } finally {
        store.database.client.off('commandStarted', note);
      }
      return names;
    },
    fold: async (username) => {
      const user = await store.accounts.findByUsername(username);
      if (user === undefined) throw new Error(`no user ${username}`);
      await store.mailboxes.fold(user.account);
      // What is packed beside it is written afterwards, in the background.
      await store.messages.packed();
    },
    close: async () => {
      await lifecycle.stop(5000);
      await data.remove();
    },
  };
}
