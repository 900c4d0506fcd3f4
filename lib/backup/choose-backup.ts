import type { BackupSet } from './backup-set.ts';
import { readUsers, type UserLine } from './catalogue.ts';
import type { Manifest } from './manifest.ts';

/**
 * The backup to restore from.
 * @param id undefined: the newest, or the first that began after the moment that is wanted
 * @param until a point in time that it must cover, ms since 1970
 * @returns undefined where there is none
 */
export function chooseBackup(
  manifests: readonly Manifest[],
  { id, until }: { readonly id?: string | undefined; readonly until?: number | undefined },
): Manifest | undefined {
  const covering = manifests.filter(({ startedAt }) => until === undefined || startedAt >= until);
  if (id !== undefined) return covering.find((manifest) => manifest.id === id);
  return until === undefined ? covering.at(-1) : covering[0];
}

/** The user of that name in a backup. */
export async function findUser(set: BackupSet, manifest: Manifest, username: string): Promise<UserLine | undefined> {
  const wanted = username.toLowerCase();
  for await (const line of readUsers(set, manifest.catalogue)) if (line.username === wanted) return line;
  return undefined;
}
