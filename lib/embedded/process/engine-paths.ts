import { mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { socketPathIn } from '../../kernel/socket-path.ts';

/** Longest path of a Unix socket on Linux, in octets, without its final NUL (sun_path is 108 long). */
const LONGEST_SOCKET_PATH = 107;

/** Exit status of an engine whose files lack something that was acknowledged (EX_DATAERR of sysexits.h). */
export const DAMAGED = 65;

export interface EnginePaths {
  readonly file: string;
  readonly socketPath: string;
}

/**
 * Where the engine of a data directory keeps its file and its socket.
 *
 * @param dataDir created with mode 0700 where it does not exist
 * @throws Error where the socket's path is too long and somebody else owns the private folder that stands in
 */
export function enginePaths(dataDir: string): EnginePaths {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  return {
    file: join(realpathSync(dataDir), 'engine.sqlite'),
    socketPath: socketPathIn(dataDir, 'engine.sock', LONGEST_SOCKET_PATH),
  };
}
