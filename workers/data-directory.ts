import { chmod, mkdir, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { CommandError } from './command-error.ts';

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
    // A folder that stood there before may be open to others.
    if ((mode & 0o077) !== 0) await chmod(directory, 0o700);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandError(`the data directory ${directory} cannot be used: ${reason}`, { cause: error });
  }
  return directory;
}

/** For commands that look at a store: they make none where there is none. */
export async function requireDataDirectory(path: string): Promise<string> {
  const directory = resolve(path);
  const found = await stat(directory).catch(() => undefined);
  if (found?.isDirectory() !== true) {
    throw new CommandError(`there is no data directory ${directory}; name it with --data-dir, or start Eider first`);
  }
  return directory;
}
