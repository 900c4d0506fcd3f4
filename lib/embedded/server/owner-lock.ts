import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

/** Another process owns the data. */
export class OwnedElsewhereError extends Error {
  override readonly name = 'OwnedElsewhereError';
}

export interface OwnerLock {
  /** False once the file has been removed or replaced: it keeps nobody out any more. */
  isInPlace(): boolean;
  release(): void;
}

/**
 * Takes the one ownership of a data directory: an exclusive lock of the operating system on a file of its own, which
 * the kernel lets go of when the process dies, however it dies. SQLite takes it, because Node has no call for it. A
 * process that is merely stopped keeps it, so no second one can start beside it.
 *
 * @throws OwnedElsewhereError
 */
export function takeOwnership(lockFile: string): OwnerLock {
  const database = new DatabaseSync(lockFile, { timeout: 0 });
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    const isBusy = error instanceof Error && 'errcode' in error && error.errcode === 5;
    if (isBusy) throw new OwnedElsewhereError(`${lockFile} is held by another process`);
    throw error;
  }
  const inode = (): number | undefined => statSync(lockFile, { throwIfNoEntry: false })?.ino;
  const own = inode();
  return { isInPlace: () => own !== undefined && inode() === own, release: () => database.close() };
}
