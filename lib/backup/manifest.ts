import { randomBytes } from 'node:crypto';
import type { BackupSet, ObjectRef } from './backup-set.ts';
import { DamagedObject } from './sealed-object.ts';

const VERSION = 1;
const FOLDER = 'backups/';

export interface BackupCounts {
  readonly users: number;
  /** Users of whom something had to be read. */
  readonly changed: number;
  /** Written by this backup. */
  readonly records: number;
  readonly messages: number;
  readonly attachments: number;
  /** As stored at the target. */
  readonly octets: number;
}

/** What makes a backup one: written last. */
export interface Manifest {
  readonly v: number;
  readonly id: string;
  readonly kind: 'full' | 'incremental';
  /** The backup that it builds on, '' for a full one; its line alone is not enough to read this one, its objects are. */
  readonly previous: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly catalogue: readonly ObjectRef[];
  readonly counts: BackupCounts;
  /** What the store itself lacked, each as a sentence; at most MOST_PROBLEMS of them. */
  readonly problems: readonly string[];
}

export const MOST_PROBLEMS = 1000;

/** What a backup notes when it begins, so that it can be gone on with. */
export type Beginning = Pick<Manifest, 'v' | 'id' | 'kind' | 'previous' | 'startedAt'>;

/**
 * Ids are in order of time, even where the clock was set back.
 * @param newest the last one that there is, '' for none
 */
export function newBackupId(now: number, newest: string): string {
  const parts = /^(\d{4})(\d\d)(\d\d)t(\d\d)(\d\d)(\d\d)(\d{3})z-/.exec(newest)?.slice(1).map(Number);
  const [year = 0, month = 1, ...rest] = parts ?? [];
  const last = parts === undefined ? 0 : Date.UTC(year, month - 1, ...rest);
  const time = new Date(Math.max(now, last + 1)).toISOString().replace(/[-:.]/g, '').toLowerCase();
  return `${time}-${randomBytes(3).toString('hex')}`;
}

/** Where an object of a backup lies. */
export function nameIn(backup: string, name: string): string {
  return `${FOLDER}${backup}/${name}`;
}

/** The backup that an object belongs to; undefined where it belongs to none. */
export function backupOf(name: string): string | undefined {
  return name.startsWith(FOLDER) ? name.slice(FOLDER.length, name.indexOf('/', FOLDER.length)) : undefined;
}

export async function writeManifest(set: BackupSet, manifest: Omit<Manifest, 'v'>): Promise<void> {
  await set.write(nameIn(manifest.id, 'manifest'), toOctets({ v: VERSION, ...manifest }));
}

export async function writeBeginning(set: BackupSet, beginning: Omit<Beginning, 'v'>): Promise<void> {
  await set.write(nameIn(beginning.id, 'begun'), toOctets({ v: VERSION, ...beginning }));
}

/** Undefined where the backup is not finished. @throws DamagedObject, WrongKey */
export async function readManifest(set: BackupSet, id: string): Promise<Manifest | undefined> {
  return readJson<Manifest>(set, nameIn(id, 'manifest'));
}

/** @throws DamagedObject, WrongKey */
export async function readBeginning(set: BackupSet, id: string): Promise<Beginning | undefined> {
  return readJson<Beginning>(set, nameIn(id, 'begun'));
}

/** Ids of all backups, oldest first, and whether each has a manifest. */
export async function listBackups(
  set: BackupSet,
): Promise<readonly { readonly id: string; readonly isFinished: boolean }[]> {
  const found = new Map<string, boolean>();
  for await (const { name } of set.target.list(FOLDER)) {
    const id = backupOf(name);
    if (id !== undefined) found.set(id, found.get(id) === true || name === nameIn(id, 'manifest'));
  }
  return [...found].sort(([one], [other]) => (one < other ? -1 : 1)).map(([id, isFinished]) => ({ id, isFinished }));
}

/**
 * The manifests of all finished backups, oldest first.
 * @param onDamage called for each that cannot be read, which is passed over; without it that is thrown
 * @throws DamagedObject, WrongKey
 */
export async function readManifests(
  set: BackupSet,
  onDamage?: (sentence: string) => void,
): Promise<readonly Manifest[]> {
  const manifests: Manifest[] = [];
  for (const { id, isFinished } of await listBackups(set)) {
    try {
      const manifest = isFinished ? await readManifest(set, id) : undefined;
      if (manifest !== undefined) manifests.push(manifest);
    } catch (error) {
      if (onDamage === undefined || !(error instanceof DamagedObject)) throw error;
      onDamage(error.message);
    }
  }
  return manifests;
}

function toOctets(value: object): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`);
}

async function readJson<T extends Beginning>(set: BackupSet, name: string): Promise<T | undefined> {
  const found = await set.readNamed(name);
  if (found === undefined) return undefined;
  try {
    const value = JSON.parse(found.octets.toString('utf8')) as T;
    if (value.v === VERSION) return value;
  } catch (error) {
    throw new DamagedObject(name, 'it cannot be read', { cause: error });
  }
  throw new DamagedObject(name, 'it is of a version that is not known here');
}
