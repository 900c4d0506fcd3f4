import { randomBytes } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { link, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { crashPoint } from '../kernel/crash-point.ts';
import { LOCKS, TargetError, type BackupTarget, type TargetObject } from './backup-target.ts';

const TEMPORARY = '.part-';
/** By the folder's own clock: after so long nobody asks for the lock any more. */
const ASKING_MS = 10 * 60_000;

/** A folder; its files are open to their owner only. An object is written beside its place, then moved there. */
export function createDirectoryTarget(root: string): BackupTarget {
  const pathOf = (name: string): string => join(root, name);
  return {
    title: root,
    put: (name, octets) =>
      saying(`${name} cannot be written to ${root}`, async () => {
        const path = pathOf(name);
        const part = await writeBeside(path, octets);
        crashPoint('backup.object-beside');
        await rename(part, path);
        await syncDirectory(dirname(path));
      }),
    putIfAbsent: (name, octets) =>
      saying(`${name} cannot be written to ${root}`, async () => {
        const path = pathOf(name);
        const part = await writeBeside(path, octets);
        try {
          await link(part, path);
          await syncDirectory(dirname(path));
          return true;
        } catch (error) {
          if (codeOf(error) === 'EEXIST') return false;
          throw error;
        } finally {
          await rm(part, { force: true });
        }
      }),
    get: (name) => saying(`${name} cannot be read from ${root}`, () => readFile(pathOf(name)).catch(absentIsUndefined)),
    size: (name) =>
      saying(`${name} cannot be read from ${root}`, async () => {
        const found = await stat(pathOf(name)).catch(absentIsUndefined);
        return found?.isFile() === true ? found.size : undefined;
      }),
    list: (prefix) => listFiles(root, prefix),
    remove: async (name) => {
      await rm(pathOf(name), { force: true });
    },
    removeLeftovers: () => removeLeftovers(root),
  };
}

/** Beside the locks lie those of who only asks for one; such a one is there for a moment. */
async function removeLeftovers(root: string): Promise<void> {
  const asking: { readonly path: string; readonly at: number }[] = [];
  let newest = 0;
  for await (const { name, path } of walkFiles(root, '')) {
    const isLeft = basename(name).startsWith(TEMPORARY);
    if (!name.startsWith(LOCKS)) {
      if (isLeft) await rm(path, { force: true });
      continue;
    }
    const at = (await stat(path).catch(absentIsUndefined))?.mtimeMs ?? 0;
    newest = Math.max(newest, at);
    if (isLeft) asking.push({ path, at });
  }
  for (const { path, at } of asking) if (at < newest - ASKING_MS) await rm(path, { force: true });
}

/** Disks fill up and shares come loose: that is for who keeps the folder, in words and without a trace. */
async function saying<T>(what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (codeOf(error) === undefined || !(error instanceof Error)) throw error;
    throw new TargetError(`${what}: ${error.message}`, { cause: error });
  }
}

async function writeBeside(path: string, octets: Buffer): Promise<string> {
  const folder = dirname(path);
  const made = await mkdir(folder, { recursive: true, mode: 0o700 });
  if (made !== undefined) await syncDirectory(dirname(made));
  const part = join(folder, `${TEMPORARY}${randomBytes(8).toString('hex')}`);
  const file = await open(part, 'wx', 0o600);
  try {
    await file.writeFile(octets);
    await file.sync();
  } catch (error) {
    await rm(part, { force: true }).catch(() => undefined);
    throw error;
  } finally {
    await file.close();
  }
  return part;
}

/** What was moved into a folder lasts once the folder itself is written. */
async function syncDirectory(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function* listFiles(root: string, prefix: string): AsyncGenerator<TargetObject, void, undefined> {
  for await (const { name, path } of walkFiles(root, prefix.slice(0, prefix.lastIndexOf('/') + 1))) {
    if (!name.startsWith(prefix) || basename(name).startsWith(TEMPORARY)) continue;
    const found = await stat(path).catch(absentIsUndefined);
    if (found !== undefined) yield { name, octets: found.size };
  }
}

async function* walkFiles(
  root: string,
  from: string,
): AsyncGenerator<{ readonly name: string; readonly path: string }, void, undefined> {
  const folders = [from];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const own = join(root, folder);
    const listed = (): Promise<Dirent[] | undefined> => readdir(own, { withFileTypes: true }).catch(absentIsUndefined);
    const entries = (await saying(`${own} cannot be listed`, listed)) ?? [];
    for (const entry of entries) {
      const name = folder + entry.name;
      if (entry.isDirectory()) folders.push(`${name}/`);
      if (entry.isFile()) yield { name, path: join(root, name) };
    }
  }
}

function absentIsUndefined(error: unknown): undefined {
  if (codeOf(error) === 'ENOENT') return undefined;
  throw error instanceof Error ? error : new TargetError(String(error));
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
