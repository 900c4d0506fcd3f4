import type { Clock } from '../kernel/clock.ts';
import { readAttachments } from './account-index.ts';
import { AttachmentArchive } from './attachment-archive.ts';
import type { BackupSet } from './backup-set.ts';
import type { TargetObject } from './backup-target.ts';
import { readUsers } from './catalogue.ts';
import { backupOf, listBackups, nameIn, readManifests, type Manifest } from './manifest.ts';
import { keptBackups, type RetentionRules } from './retention.ts';
import { lockTarget } from './target-lock.ts';

export interface PruneReport {
  readonly kept: readonly string[];
  readonly removed: readonly string[];
  readonly objects: number;
  readonly octets: number;
}

/**
 * Removes the backups that no rule keeps, unfinished ones, and every object that no kept backup needs. What is needed is
 * read from the kept ones first: where that cannot be read, nothing is removed.
 * @throws TargetError, DamagedObject, WrongKey
 */
export async function pruneBackups(
  set: BackupSet,
  clock: Clock,
  rules: RetentionRules,
  options: { readonly isDryRun?: boolean } = {},
): Promise<PruneReport> {
  const lock = await lockTarget(set.target, clock);
  try {
    const manifests = await readManifests(set);
    const keptIds = keptBackups(manifests, rules);
    const kept = manifests.filter(({ id }) => keptIds.has(id));
    const needed = await neededBy(set, kept, () => lock.renew());
    const dropped = (await listBackups(set)).filter(({ id }) => !keptIds.has(id));
    const run = new Removal(set, options.isDryRun === true, () => lock.renew());
    const isUnneeded = ({ name }: TargetObject): boolean => !needed.has(name) && !isOwnNote(name, keptIds);
    const objects = await gather(set, 'backups/', isUnneeded);
    await lock.require();
    // Without its manifest a backup is none, whatever of it is left, and without its beginning nobody goes on with it; and
    // the last piece of an attachment, which says that it is there, goes before the others.
    await run.removeAll(objects.sort((one, other) => turnOf(one) - turnOf(other)));
    const attachments = await gather(set, AttachmentArchive.folder, isUnneeded);
    await run.removeAll(attachments.sort((one, other) => (one.name < other.name ? 1 : -1)));
    return {
      kept: kept.map(({ id }) => id),
      removed: dropped.map(({ id }) => id),
      objects: run.objects,
      octets: run.octets,
    };
  } finally {
    await lock.release().catch(() => undefined);
  }
}

async function gather(
  { target }: BackupSet,
  prefix: string,
  isWanted: (object: TargetObject) => boolean,
): Promise<TargetObject[]> {
  const found: TargetObject[] = [];
  for await (const object of target.list(prefix)) if (isWanted(object)) found.push(object);
  return found;
}

/** The lower, the earlier it goes. */
function turnOf({ name }: TargetObject): number {
  const id = backupOf(name) ?? '';
  const turn = ['manifest', 'begun'].findIndex((note) => name === nameIn(id, note));
  return turn < 0 ? 2 : turn;
}

/** What a kept backup has that no line names. */
function isOwnNote(name: string, kept: ReadonlySet<string>): boolean {
  const id = backupOf(name);
  return id !== undefined && kept.has(id) && (name === nameIn(id, 'manifest') || name === nameIn(id, 'begun'));
}

/** The names of all objects that the backups need. */
async function neededBy(
  set: BackupSet,
  manifests: readonly Manifest[],
  onStep: () => Promise<void>,
): Promise<ReadonlySet<string>> {
  const archive = new AttachmentArchive(set);
  const needed = new Set<string>();
  for (const { catalogue } of manifests) {
    for (const { name } of catalogue) needed.add(name);
    for await (const line of readUsers(set, catalogue)) {
      for (const { name } of line.packs) needed.add(name);
      for (const part of line.index) {
        if (needed.has(part.name)) continue;
        needed.add(part.name);
        for (const [id, size] of await readAttachments(set, part))
          for (const name of archive.namesOf(id, size)) needed.add(name);
        await onStep();
      }
    }
  }
  return needed;
}

class Removal {
  readonly #set: BackupSet;
  readonly #isDryRun: boolean;
  readonly #onStep: () => Promise<void>;
  objects = 0;
  octets = 0;

  constructor(set: BackupSet, isDryRun: boolean, onStep: () => Promise<void>) {
    this.#set = set;
    this.#isDryRun = isDryRun;
    this.#onStep = onStep;
  }

  async removeAll(objects: readonly TargetObject[]): Promise<void> {
    for (const { name, octets } of objects) {
      this.objects += 1;
      this.octets += octets;
      if (!this.#isDryRun) await this.#set.target.remove(name);
      await this.#onStep();
    }
  }
}
