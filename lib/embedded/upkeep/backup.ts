import { closeSync, existsSync, fsyncSync, linkSync, openSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';

/** Pages copied between two looks at whatever else this process has to do: 1 MiB. */
const PAGES_A_STEP = 128;

/** The place for a copy is taken. */
export class BackupExistsError extends Error {
  override readonly name = 'BackupExistsError';
}

/**
 * Copies one state of the file, whatever is written meanwhile: page by page, at the price of a log that grows by what
 * is written. The copy appears under its name when it is whole and on the disk, for its owner's eyes only.
 *
 * @param target an absolute path at which nothing is
 * @returns octets of the copy
 * @throws BackupExistsError
 */
export async function backupFile(file: string, target: string): Promise<number> {
  const partial = `${target}.partial`;
  for (const path of [target, partial]) {
    if (existsSync(path)) throw new BackupExistsError(`${path} exists already`);
  }
  closeSync(openSync(partial, 'wx', 0o600));
  try {
    await copyPages(file, partial);
    syncPath(partial);
    // Unlike a rename, a link never takes the place of what somebody has put there meanwhile.
    linkSync(partial, target);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') {
      throw new BackupExistsError(`${target} exists already`);
    }
    throw error;
  } finally {
    for (const suffix of ['', '-journal', '-wal', '-shm']) rmSync(`${partial}${suffix}`, { force: true });
  }
  syncPath(dirname(target));
  return statSync(target).size;
}

async function copyPages(file: string, partial: string): Promise<void> {
  const source = new DatabaseSync(file);
  try {
    // Held open, it makes every step read the same state; the copy would begin anew with each commit otherwise.
    source.exec('PRAGMA cache_size = -2048; BEGIN');
    source.prepare('SELECT count(*) FROM sqlite_schema').get();
    await backup(source, partial, { rate: PAGES_A_STEP });
  } finally {
    source.close();
  }
}

function syncPath(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
