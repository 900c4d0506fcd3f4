import { createHash } from 'node:crypto';
import { crashPoint } from '../kernel/crash-point.ts';
import { contentName, type BackupKey } from './backup-key.ts';
import { TargetError, type BackupTarget } from './backup-target.ts';
import { DamagedObject, openObject, sealObject, WrongKey } from './sealed-object.ts';

/** Names an object of the set and says how it is to be found. */
export interface ObjectRef {
  readonly name: string;
  /** Octets as stored. */
  readonly octets: number;
  /** SHA-256 of the octets as stored. */
  readonly sha256: string;
}

/** All backups at one target: they share attachments, and later ones build on earlier ones. */
export interface BackupSet {
  readonly target: BackupTarget;
  /** Undefined: whoever can read the target can read the mail. */
  readonly key: BackupKey | undefined;
  write(name: string, octets: Buffer): Promise<ObjectRef>;
  /** @throws DamagedObject where it is missing or not what was written, WrongKey */
  read(ref: ObjectRef): Promise<Buffer>;
  /** By name alone, where what is written says enough. Undefined where there is none. */
  readNamed(name: string): Promise<{ readonly octets: Buffer; readonly ref: ObjectRef } | undefined>;
  /** What content of this hash is called. */
  contentName(hash: string): string;
}

const HEADER = 'eider-backup-set.json';
const VERSION = 1;

interface SetHeader {
  readonly v: number;
  /** '' where the set is not encrypted. */
  readonly keyId: string;
}

/**
 * @param key undefined for a set that is not encrypted
 * @throws WrongKey where the set is encrypted otherwise; TargetError where there is none and `makes` is not given
 */
export async function openBackupSet(
  target: BackupTarget,
  key: BackupKey | undefined,
  options: { readonly makes?: true } = {},
): Promise<BackupSet> {
  let found = await target.get(HEADER);
  if (found === undefined && options.makes === true) {
    const header: SetHeader = { v: VERSION, keyId: key?.id ?? '' };
    await target.putIfAbsent(HEADER, Buffer.from(`${JSON.stringify(header)}\n`));
    found = await target.get(HEADER);
  }
  if (found === undefined) throw new TargetError(`there are no backups at ${target.title}`);
  const { v, keyId } = readHeader(found);
  if (v !== VERSION) throw new TargetError(`the backups at ${target.title} are of a format that is not known here`);
  if (keyId !== (key?.id ?? '')) throw new WrongKey(otherKey(keyId, key));
  return new StoredSet(target, key);
}

function readHeader(octets: Buffer): SetHeader {
  try {
    const header = JSON.parse(octets.toString('utf8')) as Partial<SetHeader>;
    if (typeof header.v === 'number' && typeof header.keyId === 'string') return { v: header.v, keyId: header.keyId };
  } catch {
    // Told below.
  }
  throw new DamagedObject(HEADER, 'it cannot be read');
}

function otherKey(keyId: string, key: BackupKey | undefined): string {
  if (keyId === '') return 'the backups there are not encrypted; say --plain, or name another target';
  return key === undefined
    ? `the backups there are encrypted with key ${keyId}, and no key was given`
    : `the backups there are encrypted with key ${keyId}, not with the given key ${key.id}`;
}

class StoredSet implements BackupSet {
  readonly target: BackupTarget;
  readonly key: BackupKey | undefined;

  constructor(target: BackupTarget, key: BackupKey | undefined) {
    this.target = target;
    this.key = key;
  }

  async write(name: string, octets: Buffer): Promise<ObjectRef> {
    const sealed = await sealObject(name, octets, this.key);
    await this.target.put(name, sealed);
    crashPoint('backup.object-written');
    return refOf(name, sealed);
  }

  async read(ref: ObjectRef): Promise<Buffer> {
    const sealed = await this.target.get(ref.name);
    if (sealed === undefined) throw new DamagedObject(ref.name, 'it is missing');
    if (sealed.length < ref.octets) throw new DamagedObject(ref.name, 'it ends early');
    if (refOf(ref.name, sealed).sha256 !== ref.sha256)
      throw new DamagedObject(ref.name, 'its hash is not the one that was noted');
    return openObject(ref.name, sealed, this.key);
  }

  async readNamed(name: string): Promise<{ octets: Buffer; ref: ObjectRef } | undefined> {
    const sealed = await this.target.get(name);
    if (sealed === undefined) return undefined;
    return { octets: await openObject(name, sealed, this.key), ref: refOf(name, sealed) };
  }

  contentName(hash: string): string {
    return contentName(this.key, hash);
  }
}

function refOf(name: string, sealed: Buffer): ObjectRef {
  return { name, octets: sealed.length, sha256: createHash('sha256').update(sealed).digest('hex') };
}
