import { createCertificates, tlsSection } from '../../lib/certificates/index.ts';
import { loadConfiguration } from '../../lib/config/index.ts';
import { systemClock } from '../../lib/kernel/clock.ts';
import { createLifecycle } from '../../lib/kernel/lifecycle.ts';
import { silentLogger } from '../../lib/kernel/logger.ts';
import { openStore, type Store } from '../../workers/compose.ts';
import { createLoadMeter } from '../../workers/node-load.ts';
import { sections } from '../../workers/sections.ts';
import { startFrontEnds } from '../../workers/start-front-ends.ts';
import { makeDataDir } from '../support/server-process.ts';

interface At {
  readonly host: string;
  readonly port: number;
}

/** Every front end and room in this process, on the database that a cluster shows. */
export interface WholeServer {
  readonly store: Store;
  readonly imap: At;
  readonly pop3: At;
  readonly lmtp: At;
  readonly api: string;
  readonly adminToken: string;
  close(): Promise<void>;
}

export async function startWholeServer(uri: string, name = 'eider'): Promise<WholeServer> {
  const data = await makeDataDir();
  const configuration = loadConfiguration(sections, {
    environment: { EIDER_DATABASE_URI: uri, EIDER_DATABASE_NAME: name },
  });
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
  const adminToken = 'f'.repeat(40);
  const adminTokens = {
    ...{ ofThisRun: adminToken, shownOnce: undefined, isAdmin: (token: string) => token === adminToken },
    cursorSecret: () => adminToken,
    refresh: async () => undefined,
  };
  const { imap, pop3, lmtp, api } = await startFrontEnds({
    ...common,
    store,
    certificates,
    hostname: 'localhost',
    adminTokens,
    onReload: () => undefined,
    load: createLoadMeter(systemClock),
    isDraining: () => false,
    freePorts: true,
  });
  if (imap === undefined || pop3 === undefined || lmtp === undefined || api === undefined)
    throw new Error('not everything is served');
  return {
    ...{ store, imap, pop3, lmtp, api: api.url, adminToken },
    close: async () => {
      await lifecycle.stop(5000);
      await data.remove();
    },
  };
}
