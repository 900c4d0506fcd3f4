import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { startEngine, type RunningEngine } from '../../../lib/embedded/index.ts';
import { silentLogger } from '../../../lib/kernel/logger.ts';
import { temporaryDirectory } from '../embedded-engine.ts';

/** An engine of a façade's own: what a member of the cluster has on its disk. */
export interface DataBearer {
  readonly socketPath: string;
  /** Another engine on a copy of what this one has. */
  copy(): Promise<DataBearer>;
  close(): Promise<void>;
}

export async function startBearer(from?: string): Promise<DataBearer> {
  const directory = await temporaryDirectory('member');
  const file = join(directory, 'engine.sqlite');
  if (from !== undefined) {
    const source = new DatabaseSync(from, { readOnly: true });
    await backup(source, file);
    source.close();
  }
  const socketPath = join(directory, 'engine.sock');
  const engine: RunningEngine = await startEngine({ file, socketPath, logger: silentLogger, maxScan: 1000 });
  return {
    socketPath,
    copy: () => startBearer(file),
    close: async () => {
      await engine.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
