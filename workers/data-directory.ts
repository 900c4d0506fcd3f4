import { chmod, mkdir, readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { CommandError } from './command-error.ts';

/** What Eider puts into a data directory; with none of it a folder that is not empty is somebody else's. */
const OWN_NAMES: ReadonlySet<string> = new Set(['engine.sqlite', 'admin-token.sha256', 'tls', 'spool']);

/**
 * The data directory, made where it is missing and closed to everybody else (mode 0700): it holds mail and keys.
 * @returns its absolute path
 * @throws CommandError where it cannot be had
 */
export async function prepareDataDirectory(path: string): Promise<string> {
  const directory = resolve(path);
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const { mode } = await stat(directory);
    // A folder that stood there before may be open to others; closing /etc or a home would break what is there.
    if ((mode & 0o077) !== 0) {
      const names = await readdir(directory);
      if (names.some((name) => name !== 'lost+found') && !names.some((name) => OWN_NAMES.has(name))) {
        throw new Error('it holds other things and is open to other users; name a new or an empty folder');
      }
      await chmod(directory, 0o700);
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandError(`the data directory ${directory} cannot be used: ${reason}`, { cause: error });
  }
  return directory;
}

/** For commands that look at a store: they make none where there is none, be it a folder or an engine's file in it. */
export async function requireDataDirectory(path: string): Promise<string> {
  const directory = resolve(path);
  const found = await stat(join(directory, 'engine.sqlite')).catch(() => undefined);
  if (found?.isFile() !== true) {
    throw new CommandError(`there is no data directory ${directory}; name it with --data-dir, or start Eider first`);
  }
  return directory;
}
