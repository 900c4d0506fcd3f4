import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { InspectedStore } from '../store/inspected-store.ts';
import { BackupExistsError, backupFile } from './backup.ts';
import { validateCollection } from './validate-collection.ts';
import { StoreCheck } from './check-store.ts';
import { newReport, reporter } from './damage.ts';
import type { UpkeepAnswer, UpkeepTask } from './upkeep.ts';

/** One long task on connections of its own, so that the thread which serves is not held up by it. */
const { file, task } = workerData as { readonly file: string; readonly task: UpkeepTask };

// Of this thread alone, on Linux: whoever is served goes first.
if (process.platform === 'linux') setPriority(0, 10);

async function run(): Promise<unknown> {
  if (task.kind === 'backup') return backupFile(file, task.path);
  const store = new InspectedStore(file);
  try {
    store.snapshot();
    if (task.kind === 'validate') return validateCollection(store, task.namespace);
    const report = newReport();
    new StoreCheck(store, report, reporter(report)).run();
    return report;
  } finally {
    store.rollback();
    store.close();
  }
}

run().then(
  (result) => answer({ result }),
  (error: unknown) => {
    const text = error instanceof Error ? error.message : String(error);
    answer({ failure: text, isRefusal: error instanceof BackupExistsError });
  },
);

function answer(message: UpkeepAnswer): void {
  parentPort?.postMessage(message);
}
