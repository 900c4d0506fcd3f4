import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { systemClock, type Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/logger.ts';
import { Engine } from './engine.ts';
import { takeOwnership, type OwnerLock } from './owner-lock.ts';
import { Checkpointer } from '../store/checkpointer.ts';
import { LostOwnershipError, OwnedStore } from '../store/owned-store.ts';
import { Upkeep } from '../upkeep/upkeep.ts';
import { Connection } from '../wire/connection.ts';

const SWEEP_MS = 60_000;
/** Each commit looks whether the data is still this engine's; one that has nothing to commit looks this often. */
const OWNER_CHECK_MS = 1000;

/** How often the log tells what the data takes on the disk. */
const SIZES_MS = 3_600_000;

export interface StartOptions {
  /** The SQLite file; created where it does not exist. */
  readonly file: string;
  /** Unix socket to listen on, at most 107 octets long; one of the two. */
  readonly socketPath?: string;
  /** TCP port on 127.0.0.1, for tests; 0 takes a free one. */
  readonly tcpPort?: number;
  readonly logger: Logger;
  readonly clock?: Clock;
  /** Makes queries that read more documents than this for want of an index fail, for tests. */
  readonly maxScan?: number;
  /** The disk has failed: the engine has stopped and its process should end. */
  readonly onFatal?: (error: unknown) => void;
  /** Called with how many clients are connected, whenever that changes. */
  readonly onClients?: (count: number) => void;
}

export interface RunningEngine {
  /** Connection string for the driver. */
  readonly uri: string;
  /** Commands and commits so far. */
  readonly counters: Readonly<{ commits: number; writes: number; reads: number; refused: number }>;
  /** Forgets idle cursors and old results of retryable writes; happens every minute by itself. */
  sweep(): void;
  close(): Promise<void>;
}

/**
 * Runs an engine in this process.
 * @throws OwnedElsewhereError where the file belongs to a running engine
 * @throws DamagedFilesError where something that was acknowledged is missing
 */
export async function startEngine(options: StartOptions): Promise<RunningEngine> {
  const { file, logger, clock = systemClock } = options;
  const lock = takeOwnership(`${file}.lock`);
  const store = openStore(file, lock);
  const checkpointer = new Checkpointer(store, file, (message) => logger.warn({ message }, 'a checkpoint failed'));
  const connections = new Set<Connection>();
  const closeAll = (): void => {
    for (const connection of connections) connection.close();
  };
  const ownerCheck = setInterval(() => {
    try {
      store.checkOwner();
      if (!lock.isInPlace()) throw new LostOwnershipError(`${file}.lock has been removed`);
    } catch (error) {
      engine.abandon(error);
    }
  }, OWNER_CHECK_MS);
  ownerCheck.unref();
  const upkeep = new Upkeep({ file, store, clock, checkpointer, transact: (work) => engine.transact(work) });
  const engine = new Engine({
    store,
    upkeep,
    clock,
    logger,
    maxScan: options.maxScan,
    onCommit: (octets) => checkpointer.afterCommit(octets),
    onFatal: (error) => {
      logger.error({ error: String(error) }, 'the embedded engine stops: its file cannot be written');
      clearInterval(ownerCheck);
      closeAll();
      options.onFatal?.(error);
    },
  });
  let nextId = 1;
  const server = createServer((socket) => {
    const connection = new Connection(nextId++, socket, engine);
    connections.add(connection);
    options.onClients?.(connections.size);
    socket.on('close', () => {
      connections.delete(connection);
      options.onClients?.(connections.size);
    });
  });
  await listen(server, options);
  const sweep = setInterval(() => engine.sweep(), SWEEP_MS);
  sweep.unref();
  const tellSizes = (): void => logger.info({ ...store.sizes() }, 'what the data of the embedded engine takes');
  tellSizes();
  const sizes = setInterval(tellSizes, SIZES_MS);
  sizes.unref();
  return {
    uri: uriOf(server, options),
    counters: engine.counters,
    sweep: () => engine.sweep(),
    close: async () => {
      clearInterval(sweep);
      clearInterval(sizes);
      clearInterval(ownerCheck);
      const closed = new Promise((resolve) => server.close(resolve));
      engine.close();
      closeAll();
      await closed;
      await upkeep.close();
      await checkpointer.close();
      store.close();
      lock.release();
    },
  };
}

function openStore(file: string, lock: OwnerLock): OwnedStore {
  try {
    const store = new OwnedStore(file);
    chmodSync(file, 0o600);
    return store;
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function listen(server: Server, { socketPath, tcpPort }: StartOptions): Promise<void> {
  // A socket left by a process that died is in the way; whoever starts an engine owns the data directory.
  if (socketPath !== undefined) rmSync(socketPath, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      resolve();
    });
    if (socketPath === undefined) server.listen(tcpPort ?? 0, '127.0.0.1');
    else server.listen(socketPath);
  });
  if (socketPath !== undefined) chmodSync(socketPath, 0o600);
}

function uriOf(server: Server, { socketPath }: StartOptions): string {
  if (socketPath !== undefined) return socketUri(socketPath);
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return `mongodb://127.0.0.1:${port}/?directConnection=true`;
}

/** The connection string of an engine behind a Unix socket. */
export function socketUri(socketPath: string): string {
  return `mongodb://${encodeURIComponent(socketPath)}/?directConnection=true`;
}
