import type { Clock } from '../kernel/clock.ts';
import { AttachmentArchive } from './attachment-archive.ts';
import type { BackupSet } from './backup-set.ts';
import { readUsers } from './catalogue.ts';
import { backupOf, listBackups, nameIn, readManifests, type Manifest } from './manifest.ts';
import { readIndex } from './read-account.ts';
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
    // Without its manifest a backup is none, whatever of it is left.
    for (const { id } of dropped) await run.remove(nameIn(id, 'manifest'));
    for await (const { name, octets } of set.target.list('backups/'))
      if (!needed.has(name) && !isOwnNote(name, keptIds)) await run.remove(name, octets);
    const attachments: { name: string; octets: number }[] = [];
    for await (const object of set.target.list(AttachmentArchive.folder))
      if (!needed.has(object.name)) attachments.push(object);
    // The last piece says that an attachment is there: it goes first.
    for (const { name, octets } of attachments.sort((one, other) => (one.name < other.name ? 1 : -1)))
      await run.remove(name, octets);
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
      if (line.index === undefined || needed.has(line.index.name)) continue;
      needed.add(line.index.name);
      const { attachments } = await readIndex(set, line);
      for (const [id, size] of attachments) for (const name of archive.namesOf(id, size)) needed.add(name);
      await onStep();
    }
  }
  return needed;
}

class Removal {
  readonly #set: BackupSet;
  readonly #isDryRun: boolean;
  readonly #onStep: () => Promise<void>;
  readonly #removed = new Set<string>();
  octets = 0;

  constructor(set: BackupSet, isDryRun: boolean, onStep: () => Promise<void>) {
    this.#set = set;
    this.#isDryRun = isDryRun;
    this.#onStep = onStep;
  }

  get objects(): number {
    return this.#removed.size;
  }

  async remove(name: string, octets = 0): Promise<void> {
    this.#removed.add(name);
    this.octets += octets;
    if (!this.#isDryRun) await this.#set.target.remove(name);
    await this.#onStep();
  }
}
