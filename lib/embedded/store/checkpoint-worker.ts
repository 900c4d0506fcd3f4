import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';

/**
 * Moves the write-ahead log into the file on a connection of its own, so that no commit waits for it. Each message
 * asks for one checkpoint: `passive` takes what it can without stopping anybody, `restart` makes writers wait for
 * the rest, so that the next one begins the log anew. It is never emptied: a log that is short would look as if it
 * had been cut. The answer says that it is done.
 */
const { file } = workerData as { file: string };
const database = new DatabaseSync(file);
database.exec(
  'PRAGMA busy_timeout = 5000; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -2048',
);

parentPort?.on('message', (request: 'passive' | 'restart' | 'close') => {
  if (request === 'close') {
    database.close();
    parentPort?.close();
    return;
  }
  let failure: string | undefined;
  try {
    database.prepare('PRAGMA wal_checkpoint(PASSIVE)').get();
    // What a passive pass has left is little, so writers wait for that only.
    if (request === 'restart') database.prepare('PRAGMA wal_checkpoint(RESTART)').get();
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error);
  }
  parentPort?.postMessage({ failure });
});
