import { resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { createCertificates, tlsSection } from '../lib/certificates/index.ts';
import { systemClock } from '../lib/kernel/clock.ts';
import { createLifecycle, type Service } from '../lib/kernel/lifecycle.ts';
import type { Logger, LogLevel } from '../lib/kernel/logger.ts';
import { createMembership, openAdminTokenHash, type Membership } from '../lib/nodes/index.ts';
import { loadAdminTokens } from './admin-token.ts';
import { checkDatabase } from './check-database.ts';
import { checkSettings } from './check-settings.ts';
import type { StartOptions } from './command-options.ts';
import { hostnameOf, openStore } from './compose.ts';
import { prepareDataDirectory } from './data-directory.ts';
import { loadSettings } from './load-settings.ts';
import { commandLogger } from './command-logger.ts';
import { createLoadMeter } from './node-load.ts';
import { printReady } from './print-ready.ts';
import { writeReadyFile } from './ready-file.ts';
import { refuseUnfinished } from './refuse-unfinished.ts';
import { reloadOnHangup } from './reload.ts';
import { rolesOf } from './roles.ts';
import { serverSection } from './settings.ts';
import { startFrontEnds } from './start-front-ends.ts';
import { startJobs } from './start-jobs.ts';
import { stopOnSignals } from './stop-on-signals.ts';
import { VERSION } from './version.ts';

/**
 * The server process: starts everything, says that it is ready, and runs until it is told to stop. What has been
 * started is stopped again where the start fails half-way.
 */
export async function runServer(options: StartOptions): Promise<void> {
  const settings = await loadSettings(options);
  const { configuration } = settings;
  await checkSettings(configuration);
  const server = configuration.get(serverSection);
  const logger = commandLogger(server.logLevel as LogLevel);
  const clock = systemClock;
  const lifecycle = createLifecycle(logger, clock);
  // From here on a signal stops what has been started so far.
  const stop = stopOnSignals({ lifecycle, logger, drainMs: server.drainTimeout });
  try {
    const roles = rolesOf(configuration);
    const dataDir = await prepareDataDirectory(server.dataDir);
    const hostname = hostnameOf(configuration);
    const certificates = await createCertificates({
      settings: configuration.get(tlsSection),
      dataDir,
      names: [hostname, 'localhost', '127.0.0.1', '::1'],
      clock,
      logger,
    });
    const store = await openStore({ configuration, dataDir, logger, clock, lifecycle });
    await checkDatabase(store.database, logger, clock);
    const adminTokens = await loadAdminTokens(openAdminTokenHash(store.database, clock), { dataDir, logger });
    const load = createLoadMeter(clock);
    const membership = createMembership({
      database: store.database,
      clock,
      logger,
      self: { id: store.node, host: hostname, pid: process.pid, version: VERSION, roles: [...roles] },
      load: () => load.read(),
    });
    lifecycle.add({ name: 'membership', stop: () => membership.leave() });
    if (roles.has('worker')) {
      await startJobs({ store, configuration, clock, logger, lifecycle, node: store.node });
    }
    const reloadListeners: (() => void)[] = [];
    const addresses = await startFrontEnds({
      store,
      configuration,
      hostname,
      certificates,
      adminTokens,
      logger,
      clock,
      lifecycle,
      onReload: (listener) => void reloadListeners.push(listener),
      freePorts: options.freePorts === true,
      roles,
      load,
      isDraining: () => membership.isDraining,
    });
    await membership.join();
    // A restore or migration that began meanwhile has either seen this node, or is seen now.
    await refuseUnfinished(store.database);
    lifecycle.add(drainFirst(membership, server.drainDelay));
    reloadOnHangup({ settings, certificates, logger, listeners: reloadListeners });
    const hasUsers = (await store.accounts.list({ limit: 1 })).length > 0;
    const report = { pid: process.pid, ...addresses, adminToken: adminTokens.ofThisRun };
    if (options.readyFile !== undefined) await writeReadyFile(resolve(options.readyFile), report);
    const configFlags = settings.file === undefined ? [] : ['--config', resolve(settings.file)];
    printReady(report, {
      dataDir,
      shownOnce: adminTokens.shownOnce,
      firstUserFlags: hasUsers ? undefined : [...configFlags, '--data-dir', dataDir],
    });
    logReady(logger, report.pid);
  } catch (error) {
    await stop.now();
    throw error;
  }
}

/** How long the others may take to hear that this node drains, in milliseconds. */
const ANNOUNCE_MS = 500;

/** Stopped before everything else: tells that this process drains, and gives load balancers time to notice. */
function drainFirst(membership: Membership, delayMs: number): Service {
  return {
    name: 'drain',
    stop: async (deadline) => {
      const isAnnounced = membership.drain();
      await Promise.race([isAnnounced, wait(Math.min(ANNOUNCE_MS, deadline.leftMs()))]);
      if (delayMs > 0) await wait(Math.min(delayMs, deadline.leftMs()));
    },
  };
}

function logReady(logger: Logger, pid: number): void {
  logger.info({ pid, node: process.version }, 'ready');
}
