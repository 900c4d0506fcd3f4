import { createHash } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync, realpathSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

/** Longest path of a Unix socket on Linux, in octets, without its final NUL (sun_path is 108 long). */
const LONGEST_SOCKET_PATH = 107;

export interface EnginePaths {
  readonly file: string;
  readonly socketPath: string;
}

/**
 * Where the engine of a data directory keeps its file and its socket. A directory whose path is too long for a socket
 * has it in a private folder for temporary files, named after the directory.
 *
 * @param dataDir created with mode 0700 where it does not exist
 * @throws Error where somebody else owns that private folder
 */
export function enginePaths(dataDir: string): EnginePaths {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const directory = realpathSync(dataDir);
  const beside = join(directory, 'engine.sock');
  const socketPath = Buffer.byteLength(beside) <= LONGEST_SOCKET_PATH ? beside : shortPath(directory);
  return { file: join(directory, 'engine.sqlite'), socketPath };
}

function shortPath(directory: string): string {
  const { uid } = userInfo();
  const folder = join(tmpdir(), `eider-${uid}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const status = lstatSync(folder);
  if (!status.isDirectory() || (uid >= 0 && status.uid !== uid)) {
    throw new Error(`${folder} belongs to somebody else; choose a data directory with a shorter path`);
  }
  chmodSync(folder, 0o700);
  return join(folder, `${createHash('sha256').update(directory).digest('hex').slice(0, 24)}.sock`);
}
