import { createHash } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync, realpathSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

/**
 * Where a Unix socket of a data directory stands: in it, or, where that path would be too long for the system, in a
 * private folder for temporary files, named after the directory. Every process of the directory finds the same path.
 *
 * @param dataDir exists
 * @param name of the socket, e.g. `engine.sock`
 * @param longest octets that the path may have; Linux takes 107
 * @throws Error where somebody else owns the private folder
 */
export function socketPathIn(dataDir: string, name: string, longest: number): string {
  const directory = realpathSync(dataDir);
  const beside = join(directory, name);
  if (Buffer.byteLength(beside) <= longest) return beside;
  const { uid } = userInfo();
  const folder = join(tmpdir(), `eider-${String(uid)}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const status = lstatSync(folder);
  if (!status.isDirectory() || (uid >= 0 && status.uid !== uid)) {
    throw new Error(`${folder} belongs to somebody else; choose a data directory with a shorter path`);
  }
  chmodSync(folder, 0o700);
  const digest = createHash('sha256').update(directory).digest('hex').slice(0, 16);
  return join(folder, `${digest}-${name}`);
}
